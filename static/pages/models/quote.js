// What a request costs at the prices that are being typed, said by the function that bills; and what the last day
// would have come to.

import { ApiError, post } from "../../api.js";
import { amount } from "../../components/bits.js";
import { field } from "../../components/forms.js";
import { compareDecimals, subtractDecimals } from "../../decimal.js";
import { count, dimensionText, plural, price, signedMoney } from "../../format.js";
import { html, when } from "../../html.js";

const WAIT_MS = 250;
const DIMENSIONS = ["input", "output", "cached_input", "cache_write"];

export class Quote {
  #editor;
  #signal;
  #draw;
  #asked = "";
  #timer = null;
  #typed = { input: "1000", output: "500", cached_input: "0", cache_write: "0" };
  result = null;
  error = null;

  constructor(editor, { signal, draw }) {
    this.#editor = editor;
    this.#signal = signal;
    this.#draw = draw;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  get #tokens() {
    return Object.fromEntries(
      Object.entries(this.#typed)
        .filter(([, text]) => /^\d{1,9}$/.test(text) && Number(text))
        .map(([name, text]) => [name, Number(text)]),
    );
  }

  /** Ask anew when something that counts was typed. */
  follow() {
    const { draft } = this.#editor;
    const pricing = draft.document.pricing ?? null;
    if ([...draft.faults.keys()].some((path) => path.startsWith("pricing."))) return;
    const asked = JSON.stringify([this.#tokens, pricing, draft.etag]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    if (!pricing || !(pricing.free || (pricing.input && pricing.output))) {
      Object.assign(this, { result: null, error: null });
      return;
    }
    this.#timer = setTimeout(() => this.#ask({ tokens: this.#tokens, document: { pricing } }, asked), WAIT_MS);
  }

  async #ask(body, asked) {
    try {
      const result = await post(`${this.#editor.path}/quote`, body, { signal: this.#signal });
      if (asked === this.#asked) Object.assign(this, { result, error: null });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      if (asked === this.#asked) Object.assign(this, { result: null, error });
    }
    this.#draw();
  }

  view() {
    const type = (name) => (event) => {
      this.#typed[name] = event.target.value.replaceAll(/[,_\s]/g, "");
      this.#draw();
    };
    // Enter saves the form around it; here it only means "that is the number".
    const stay = (event) => event.key === "Enter" && event.preventDefault();
    return html`<section class="quote" aria-label="What it comes to" @keydown=${stay}>
      <h3>What it comes to</h3>
      <div class="form-grid">
        ${DIMENSIONS.map((name) =>
          field(
            { id: `${this.#editor.form.id}-quote`, faults: new Map() },
            {
              name: `quote-${name}`,
              label: dimensionText(name),
              value: this.#typed[name],
              inputmode: "numeric",
              suffix: "tokens",
              required: true,
              oninput: type(name),
            },
          ),
        )}
      </div>
      ${this.#answer()}
    </section>`;
  }

  #answer() {
    if (this.error) return html`<p class="note" data-tone="bad">${this.error.message}</p>`;
    if (!this.result) return html`<p class="quiet">Say what input and output cost to see it.</p>`;
    const { lines, cost, tier, last_24h: past } = this.result;
    return html`<table class="receipt">
        <caption class="visually-hidden">
          The cost, line by line
        </caption>
        <tbody>
          ${lines.map(
            (line) =>
              html`<tr>
                <th scope="row">${dimensionText(line.dimension)}</th>
                <td>${count(line.tokens)}</td>
                <td>× ${price(line.price)} / 1M</td>
                <td>${price(line.amount)}</td>
              </tr>`,
          )}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">This request</th>
            <td></td>
            <td>${tier ? `above ${count(tier)} tokens` : ""}</td>
            <td>${price(cost)}</td>
          </tr>
        </tfoot>
      </table>
      ${when(past, () => this.#past(past))}`;
  }

  #past({ requests, charged, with_draft: drafted, exact }) {
    if (!requests) return html`<p class="quiet">No request of it in the last 24 hours.</p>`;
    const difference = subtractDecimals(drafted, charged);
    const sign = compareDecimals(difference, "0");
    return html`<p class="repriced">
      <span
        >Last 24 hours, ${plural(requests, "request")}: charged ${amount(charged)}.
        ${
          sign === 0
            ? "At these prices it is the same."
            : html`At these prices it would have been <strong>${amount(drafted)}</strong>
                <span class="strong">(${signedMoney(difference)})</span>.`
        }</span
      >
      ${when(exact === false, () => html`<span class="sub">About: which tier each request falls into is not known from the sums.</span>`)}
    </p>`;
  }
}
