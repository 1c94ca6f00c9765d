// One more of something in a document, such as an upstream: what it is called is typed, and then it is there.

import { field } from "../components/forms.js";
import { icon } from "../components/icons.js";
import { html, when } from "../html.js";

export class Adding {
  #editor;
  #draw;
  #options;
  #text = "";

  /**
   * `summary` and `button` are what it says, `note` what there is to know; `read(text)` is what was meant, `faultOf`
   * what is wrong with that, or null; `add` makes it; `input` are further options of the field.
   */
  constructor(editor, draw, options) {
    this.#editor = editor;
    this.#draw = draw;
    this.#options = { note: "", read: (text) => text.trim(), ...options };
  }

  view() {
    const { summary, button, note, input } = this.#options;
    const fault = this.#text ? this.#options.faultOf(this.#text) : null;
    const isReady = this.#text !== "" && fault === null;
    const add = () => {
      if (!isReady) return;
      this.#options.add(this.#text);
      this.#text = "";
      this.#draw();
    };
    // Enter would save the document around it.
    const press = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      add();
    };
    const oninput = (event) => {
      this.#text = this.#options.read(event.target.value);
      this.#draw();
    };
    const form = { id: this.#editor.form.id, faults: new Map(fault ? [[input.name, fault]] : []) };
    return html`<details class="adding">
      <summary>${summary}</summary>
      ${when(note, () => html`<p class="quiet">${note}</p>`)}
      <div class="toolbar" @keydown=${press}>
        ${field(form, { ...input, value: this.#text, required: true, oninput })}
        <button type="button" class="button" ?disabled=${!isReady} @click=${add}>${icon("plus")}${button}</button>
      </div>
    </details>`;
  }
}
