// "Test now": whether a provider answers and takes its key. Nothing is billed.

import { ApiError, post } from "../api.js";
import { badge } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { duration } from "../format.js";
import { html, when } from "../html.js";

/** The state of one test: `run()` asks, `view()` shows the answer, `button()` starts it. */
export class Check {
  results = null;
  error = null;
  isBusy = false;
  #path;
  #draw;

  constructor(path, draw) {
    this.#path = path;
    this.#draw = draw;
  }

  run = async () => {
    if (this.isBusy) return;
    Object.assign(this, { isBusy: true, error: null });
    this.#draw();
    try {
      this.results = (await post(`${this.#path}/test`, {})).data;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.isBusy = false;
    this.#draw();
  };

  button(text = "Test now") {
    return html`<button type="button" class="button" ?disabled=${this.isBusy} @click=${this.run}>
      ${icon("live")}${this.isBusy ? "Asking…" : text}
    </button>`;
  }

  /** What came of it, by upstream in the order in which they are called. */
  view() {
    const shown = this.results ?? [];
    return html`<div class="checks" role="status">
      ${when(this.error, (error) => html`<p class="field-error">${error.message}</p>`)}
      ${shown.map(
        (one) =>
          html`<p class="check-result">
            ${badge(one.ok ? "Answers" : "Fails", one.ok ? "good" : "bad", one.ok ? "check" : "error")}
            <span
              >${shown.length > 1 ? html`<strong>${one.upstream}</strong> ` : ""}${one.message} ${latency(one)}</span
            >
          </p>`,
      )}
    </div>`;
  }
}

const latency = ({ latency_ms: ms }) =>
  when(Number.isFinite(ms), () => html`<span class="quiet">${duration(ms)}</span>`);
