// Native dialogs: in the middle, or as a drawer at the side. The browser keeps the focus inside; Esc, the cross and a
// press beside them close them, and the focus goes back to what opened them.

import { html, render } from "../html.js";
import { icon } from "./icons.js";

let number = 0;

/**
 * A dialog that a page draws into. `show(title, body)` opens it or draws it anew; `onclose` runs once it is closed, by
 * whatever. `canClose()` may say no to a person, while something is being written; `done()` is not asked.
 */
export class Dialog {
  #element = null;
  #heading = `dialog-title-${++number}`;
  #kind;
  #onclose;
  #canClose;
  #isTouched = false;

  /** `kind`: "dialog" or "drawer". With `signal`, it goes with its page. */
  constructor({ kind = "dialog", onclose = () => {}, canClose = () => true, signal = null } = {}) {
    this.#kind = kind;
    this.#onclose = onclose;
    this.#canClose = canClose;
    signal?.addEventListener("abort", () => this.#remove());
  }

  get isOpen() {
    return this.#element !== null;
  }

  show(title, body, { actions = "" } = {}) {
    if (!this.#element) this.#open();
    render(
      html`<header class="dialog-head">
          <h2 id=${this.#heading} tabindex="-1">${title}</h2>
          <div class="actions">
            ${actions}
            <button type="button" class="button" data-kind="icon" aria-label="Close" @click=${() => this.close()}>
              ${icon("close")}
            </button>
          </div>
        </header>
        <div class="dialog-body">${body}</div>`,
      this.#element,
    );
    if (!this.#element.open) {
      this.#element.showModal();
      liftWords();
      (this.#element.querySelector("[autofocus]") ?? this.#element.querySelector("h2")).focus();
    }
  }

  /** As a person asks for it. */
  close() {
    if (this.#element && this.#canClose()) this.done();
  }

  /** What it was for is done. */
  done() {
    if (!this.#element) return;
    this.#remove();
    this.#onclose();
  }

  #open() {
    const opener = document.activeElement;
    const element = (this.#element = document.createElement("dialog"));
    element.className = this.#kind;
    element.setAttribute("aria-labelledby", this.#heading);
    document.addEventListener("keydown", this.#escape);
    element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    element.addEventListener("input", () => {
      this.#isTouched = true;
    });
    // A press on the backdrop, and not one that began inside and ended there; a slip of the hand loses nothing typed.
    element.addEventListener("mousedown", (event) => event.target === element && !this.#isTouched && this.close());
    element.addEventListener("close", () => returnFocus(opener));
    document.body.append(element);
  }

  /**
   * Heard before the browser does, which pressed twice would close a dialog that may not be closed; and wherever the
   * focus is, which a button loses while it is off.
   */
  #escape = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector(":popover-open")) return;
    if (this.#element !== uppermost()) return;
    event.preventDefault();
    this.close();
  };

  #remove() {
    const element = this.#element;
    this.#element = null;
    this.#isTouched = false;
    document.removeEventListener("keydown", this.#escape);
    if (!element) return;
    element.close();
    liftWords(element);
    element.remove();
  }
}

/** The dialog over all others, besides one that is leaving. */
function uppermost(leaving = null) {
  return [...document.querySelectorAll("dialog[open]")].filter((dialog) => dialog !== leaving).at(-1);
}

/** To what opened the dialog; to the heading of the page where that is gone, as the row of what was deleted. */
function returnFocus(opener) {
  const isAnywhere = document.activeElement && document.activeElement !== document.body;
  if (opener?.isConnected) opener.focus();
  else if (!isAnywhere) document.querySelector("main h1")?.focus({ preventScroll: true });
}

/** Behind a modal dialog nothing can be pressed or heard: toasts and the announcer stand in the uppermost one. */
function liftWords(leaving = null) {
  const top = uppermost(leaving) ?? document.body;
  for (const id of ["toasts", "announcer"]) {
    const region = document.getElementById(id);
    if (region.parentElement !== top) top.append(region);
  }
}

/** Ask before what cannot be undone. `action` repeats what will be done: "Revoke key ci-prod". With `typed`, that text
 * must be typed first. Resolves to whether it was confirmed. */
export function confirm({ title, text, action, typed = null, danger = true }) {
  return new Promise((resolve) => {
    let isSure = false;
    const dialog = new Dialog({ onclose: () => resolve(isSure) });
    const accept = (event) => {
      event.preventDefault();
      isSure = true;
      dialog.close();
    };
    const check = (event) => {
      event.target.form.querySelector("[type=submit]").disabled = event.target.value !== typed;
    };
    dialog.show(
      title,
      html`<form class="stack" @submit=${accept}>
        <p>${text}</p>
        ${
          typed === null
            ? ""
            : html`<label class="field"
                ><span>Type <strong>${typed}</strong> to confirm</span>
                <input name="typed" autocomplete="off" autofocus @input=${check}
              /></label>`
        }
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>
          <button type="submit" class="button" data-kind=${danger ? "danger" : "primary"} ?disabled=${typed !== null}>
            ${action}
          </button>
        </div>
      </form>`,
    );
  });
}
