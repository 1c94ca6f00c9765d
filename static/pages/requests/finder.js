// One field for any id that we ever gave out: the request's, the answer's, the client's own, the provider's.

import { addressSignal } from "../../address.js";
import { ApiError, get } from "../../api.js";
import { icon } from "../../components/icons.js";
import { html, when } from "../../html.js";

export class RequestFinder {
  #router;
  #source;
  #draw;
  #error = null;
  #isBusy = false;

  constructor({ router, source, draw }) {
    this.#router = router;
    this.#source = source;
    this.#draw = draw;
  }

  field() {
    return html`<form class="finder" role="search" @submit=${this.#submit}>
      <label class="visually-hidden" for="finder">Find a request by any of its ids</label>
      <span class="input" data-invalid=${this.#error !== null}
        ><span class="affix">${icon("search")}</span>
        <input
          id="finder"
          name="id"
          type="search"
          data-filter
          autocomplete="off"
          spellcheck="false"
          placeholder="Paste any request id"
          aria-describedby="finder-fault"
          @input=${this.#forget}
          @paste=${(event) => {
            const { form } = event.target;
            setTimeout(() => form.requestSubmit());
          }}
      /></span>
      <button type="submit" class="button" ?disabled=${this.#isBusy}>Find</button>
      <p id="finder-fault" class="field-error" role="alert">${when(this.#error, () => this.#error)}</p>
    </form>`;
  }

  #forget = () => {
    if (!this.#error) return;
    this.#error = null;
    this.#draw();
  };

  #submit = async (event) => {
    event.preventDefault();
    const field = event.target.elements.id;
    const id = field.value.trim();
    if (!id || this.#isBusy) return;
    this.#isBusy = true;
    this.#draw();
    const left = addressSignal();
    try {
      const { request_id: found } = await get(`${this.#source.api}/usage/${encodeURIComponent(id)}`);
      this.#error = null;
      field.value = "";
      // Who went on meanwhile is not called back.
      if (!left.aborted) this.#router.setQuery({ open: found });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#error =
        error.status === 404
          ? "No request has this id. Requests that were refused before a key was known leave none."
          : error.message;
    }
    this.#isBusy = false;
    this.#draw();
  };
}
