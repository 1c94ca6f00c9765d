// Choosing one of many by typing: the browser's own suggestions, fed by `find`.

import { addressSignal } from "../address.js";
import { html, ifDefined, when } from "../html.js";

const WAIT_MS = 200;
const ID = /#(\d+)\)?$/;
let number = 0;

/**
 * `find(text)` resolves to `[{value, text}, …]`, at most a screenful; `onpick(value | null)` hears of a choice, and of
 * the field being emptied. `draw()` shows the page anew. `nameOf(value)` resolves to how one is called that was never
 * among the suggestions, as when the address says it.
 */
export class Picker {
  #find;
  #nameOf;
  #onpick;
  #draw;
  #timer = null;
  #options = [];
  #known = new Map();
  #asked = new Set();
  id = `picker-${++number}`;

  constructor({ find, onpick, draw, nameOf = null }) {
    this.#find = find;
    this.#nameOf = nameOf;
    this.#onpick = onpick;
    this.#draw = draw;
  }

  /** What a value is called, if it was ever among the suggestions. */
  textOf(value) {
    return this.#known.get(String(value)) ?? null;
  }

  /** `value`: what is chosen now, or null; `text`: how it is called. `labelled`: false hides the label from the eye
   * alone; `filter`: the `/` key comes here; `fault`: what is wrong with the choice. */
  field({
    label,
    value = null,
    text = null,
    placeholder = "Any",
    labelled = true,
    filter = false,
    autofocus = false,
    fault = null,
  }) {
    if (value !== null && text === null) this.#learn(String(value));
    const shown = value === null ? "" : optionText({ value, text: text ?? this.textOf(value) ?? value });
    return html`<div class="field">
      <label for=${this.id} class=${labelled ? "" : "visually-hidden"}>${label}</label>
      <input
        id=${this.id}
        type="search"
        list=${`${this.id}-list`}
        autocomplete="off"
        spellcheck="false"
        placeholder=${placeholder}
        .value=${shown}
        ?data-filter=${filter}
        ?autofocus=${autofocus}
        aria-invalid=${fault !== null}
        aria-describedby=${ifDefined(fault ? `${this.id}-fault` : undefined)}
        @focus=${() => this.#search("")}
        @input=${this.#type}
        @change=${this.#choose} />
      <datalist id=${`${this.id}-list`}>
        ${this.#options.map((option) => html`<option value=${optionText(option)}></option>`)}
      </datalist>
      ${when(fault, () => html`<p class="field-error" id=${`${this.id}-fault`}>${fault}</p>`)}
    </div>`;
  }

  /** Once for each value; one that has no name is shown as it is. */
  async #learn(value) {
    if (this.#nameOf === null || this.#asked.has(value) || this.#known.has(value)) return;
    this.#asked.add(value);
    try {
      this.#known.set(value, await this.#nameOf(value));
    } catch {
      return;
    }
    this.#draw();
  }

  #type = (event) => {
    const { value } = event.target;
    clearTimeout(this.#timer);
    if (!value.trim()) this.#onpick(null);
    else if (this.#named(value)) this.#onpick(this.#named(value).value);
    else this.#timer = setTimeout(() => this.#search(value), WAIT_MS);
  };

  /** Typed to its end without a choice from the list: a number or a whole name is one all the same, unless the page
   * went elsewhere while it was looked for. */
  #choose = async (event) => {
    const text = event.target.value.trim();
    if (!text) return;
    clearTimeout(this.#timer);
    const left = addressSignal();
    await this.#search(text);
    if (left.aborted) return;
    const option = this.#named(text) ?? (this.#options.length === 1 ? this.#options[0] : null);
    if (option) this.#onpick(option.value);
  };

  #named(text) {
    const id = ID.exec(text.trim())?.[1];
    return this.#options.find((option) => (id ? option.value === id : option.text === text.trim())) ?? null;
  }

  /** Suggestions are a convenience: without an answer there are none. */
  async #search(text) {
    try {
      this.#options = await this.#find(text.replace(/\s*\(#\d+\)$/, "").trim());
    } catch {
      this.#options = [];
    }
    for (const option of this.#options) this.#known.set(option.value, option.text);
    this.#draw();
  }
}

/** Names of rows are not unique, their numbers are. */
const optionText = ({ value, text }) => (text === value || !/^\d+$/.test(value) ? text : `${text} (#${value})`);
