// A secret that was just made: shown this once, to copy or to save, and a box to tick before it goes.

import { copyText } from "../clipboard.js";
import { html, when } from "../html.js";
import { saveText } from "../saving.js";
import { Dialog } from "./dialog.js";
import { icon } from "./icons.js";

const BOX = "secret-stored";

/**
 * Opens with `draw()`. `what` is the secret in a word ("key"), `file` the name it is saved as, `note` a sentence more.
 * `actions()` gives more buttons, `below()` what stands under them.
 */
export class ShownOnce {
  #dialog;
  #said;
  #isStored = false;
  #isAsked = false;

  constructor({ title, what, text, file, note = "", actions = () => "", below = () => "", onclose = () => {} }) {
    const keepOpen = (event) => event.preventDefault();
    this.#said = { title, what, text, file, note, actions, below };
    this.#dialog = new Dialog({
      canClose: () => this.#mayClose(),
      onclose: () => {
        removeEventListener("beforeunload", keepOpen);
        onclose();
      },
    });
    addEventListener("beforeunload", keepOpen);
  }

  draw() {
    this.#dialog.show(this.#said.title, this.#body());
  }

  /** Where something that was asked for has come. */
  redraw() {
    if (this.#dialog.isOpen) this.draw();
  }

  #mayClose() {
    if (this.#isStored) return true;
    this.#isAsked = true;
    this.draw();
    document.getElementById(BOX)?.focus();
    return false;
  }

  #body() {
    const { what, text, file, note, actions, below } = this.#said;
    return html`<div class="stack">
      <p class="strip" data-tone="warn">
        ${icon("warning")}<span
          >This is the only time the ${what} is shown. Store it where secrets belong.${note ? html` ${note}` : ""}</span
        >
      </p>
      <div class="secret"><code tabindex="0" aria-label=${`The ${what}`}>${text}</code></div>
      <div class="actions">
        <button
          type="button"
          class="button"
          data-kind="primary"
          autofocus
          @click=${(event) => copyText(text, event.currentTarget)}>
          ${icon("copy")}Copy ${what}
        </button>
        <button type="button" class="button" @click=${() => saveText(`${text}\n`, file, "text/plain")}>
          ${icon("download")}Download
        </button>
        ${actions()}
      </div>
      ${below()} ${this.#box()}
      ${when(
        this.#isAsked && !this.#isStored,
        () =>
          html`<p class="field-error" role="alert">
            Tick the box first: once this is closed, nobody can show the ${what} again.
          </p>`,
      )}
    </div>`;
  }

  #box() {
    const done = (event) => {
      event.preventDefault();
      this.#dialog.close();
    };
    const tick = (event) => {
      this.#isStored = event.target.checked;
      this.draw();
    };
    return html`<form class="actions spread" @submit=${done}>
      <label class="check"
        ><input type="checkbox" id=${BOX} .checked=${this.#isStored} @change=${tick} /><span
          >I have stored it</span
        ></label
      >
      <button type="submit" class="button" data-kind=${this.#isStored ? "primary" : "plain"}>Done</button>
    </form>`;
  }
}
