// Native dialogs: in the middle, or as a drawer at the side. The browser keeps the focus inside, closes them on Esc,
// and gives the focus back to what opened them.

import { html, render } from "../html.js";
import { icon } from "./icons.js";

let number = 0;

/** A dialog that a page draws into. `show(title, body)` opens it or draws it anew; `onclose` runs once it is closed,
 * by whatever. `canClose()` may say no, while something is being written. */
export class Dialog {
  #element = null;
  #heading = `dialog-title-${++number}`;
  #kind;
  #onclose;
  #canClose;

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

  close() {
    if (!this.#element || !this.#canClose()) return;
    this.#remove();
    this.#onclose();
  }

  #open() {
    const opener = document.activeElement;
    const element = (this.#element = document.createElement("dialog"));
    element.className = this.#kind;
    element.setAttribute("aria-labelledby", this.#heading);
    element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    // The browser lets a page say no to Esc once, and then closes without asking: so the key is taken before that.
    element.addEventListener("keydown", (event) => {
      const isOthers = event.defaultPrevented || event.isComposing || element.querySelector(":popover-open");
      if (event.key !== "Escape" || isOthers) return;
      event.preventDefault();
      this.close();
    });
    // A press on the backdrop, and not one that began inside and ended there.
    element.addEventListener("mousedown", (event) => event.target === element && this.close());
    element.addEventListener("close", () => {
      if (opener?.isConnected) opener.focus();
      // Closed by the browser itself, as the way back of a phone does.
      if (this.#element === element) this.#wasClosed();
    });
    measureGutter();
    document.body.append(element);
  }

  #wasClosed() {
    if (this.#canClose()) {
      this.#remove();
      this.#onclose();
    } else this.#element.showModal();
  }

  #remove() {
    const element = this.#element;
    this.#element = null;
    if (!element) return;
    element.close();
    liftWords(element);
    element.remove();
  }
}

/** How wide the window's scrollbar, or the room for it, is: it goes while a dialog is open, and the page stays put. */
function measureGutter() {
  if (document.querySelector("dialog[open]")) return;
  const root = document.documentElement;
  root.style.setProperty("--gutter", `${innerWidth - root.getBoundingClientRect().width}px`);
}

/** Behind a modal dialog nothing can be pressed or heard: toasts and the announcer stand in the uppermost one. */
function liftWords(leaving = null) {
  const top =
    [...document.querySelectorAll("dialog[open]")].filter((dialog) => dialog !== leaving).at(-1) ?? document.body;
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
