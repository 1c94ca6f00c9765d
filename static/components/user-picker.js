// Choosing a user by typing a part of the name: the browser's own list of suggestions, fed by the server.

import { get, withQuery } from "../api.js";
import { html } from "../html.js";

const WAIT_MS = 150;
const SHOWN_MAX = 20;
const ID = /\(#(\d+)\)$/;
let number = 0;

/** `draw()` shows the page anew; `onpick(user | null)` hears of a choice, and of the field being emptied. */
export class UserPicker {
  #draw;
  #onpick;
  #timer = null;
  #found = new Map();
  #options = [];
  id = `users-${++number}`;

  constructor({ draw, onpick = () => {} }) {
    this.#draw = draw;
    this.#onpick = onpick;
  }

  /** The user that the text in the field names, or null. */
  find(text) {
    const said = ID.exec(text.trim());
    if (said) return this.#found.get(said[1]) ?? null;
    const named = this.#options.filter(({ name, email }) => [name, email].includes(text.trim()));
    return named.length === 1 ? named[0] : null;
  }

  async search(text) {
    const { data } = await get(withQuery("/api/admin/users", { q: text, limit: SHOWN_MAX }));
    this.#options = data;
    for (const user of data) this.#found.set(String(user.id), user);
    this.#draw();
  }

  #type = (event) => {
    const text = event.target.value;
    const user = this.find(text);
    clearTimeout(this.#timer);
    if (user || !text.trim()) this.#onpick(user);
    else this.#timer = setTimeout(() => this.#quietly(text), WAIT_MS);
  };

  /** The filter is a convenience: without an answer there are no suggestions, and the page says the rest. */
  async #quietly(text) {
    try {
      await this.search(text.replace(ID, "").trim());
    } catch {
      this.#options = [];
    }
  }

  input({ name = "user", value = "", label = "User", placeholder = "Any user", filter = false, autofocus = false, invalid = false }) {
    return html`<input id=${this.id} name=${name} type="search" list=${`${this.id}-list`} autocomplete="off" placeholder=${placeholder} aria-label=${label}
        aria-invalid=${invalid} .value=${value} ?data-filter=${filter} ?autofocus=${autofocus} @input=${this.#type} @focus=${(event) => this.#quietly(event.target.value)}>
      <datalist id=${`${this.id}-list`}>${this.#options.map((user) => html`<option value=${userLabel(user)}>${user.email ?? ""}</option>`)}</datalist>`;
  }
}

/** How a user is said in the field: the name may not be unique, the number is. */
export const userLabel = ({ id, name }) => `${name} (#${id})`;
