// What a request costs at the prices that are being typed, said by the function that bills; and what the last day
// would have come to.

import { ApiError, post } from "../../api.js";
import { amount } from "../../components/bits.js";
import { field } from "../../components/forms.js";
import { skeletonRows } from "../../components/resource.js";
import { compareDecimals, subtractDecimals } from "../../decimal.js";
import { count, dimensionText, plural, price, signedMoney } from "../../format.js";
import { html, when } from "../../html.js";
import { tokenCounts, tokenFaults } from "./quote-tokens.js";

const WAIT_MS = 250;
const ALWAYS = ["input", "output", "cached_input", "cache_write"];

export class Quote {
  #editor;
  #signal;
  #draw;
  #timer = null;
  #typed = { input: "1000", output: "500", cached_input: "0", cache_write: "0", cache_write_1h: "0" };
  /** What the answer is wanted for, and for what it was given: as long as they differ, one is on its way. */
  #asked = "";
  #answered = "";
  #result = null;
  #error = null;
  /** Why there is nothing to ask yet. */
  #lack = null;

  constructor(editor, { signal, draw }) {
    this.#editor = editor;
    this.#signal = signal;
    this.#draw = draw;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  get #dimensions() {
    const hasLong = this.#editor.draft.value("pricing.cache_write_1h") !== null;
    return hasLong ? [...ALWAYS, "cache_write_1h"] : ALWAYS;
  }

  /** Ask anew when something that counts was typed. */
  follow() {
    const { draft } = this.#editor;
    const pricing = draft.document.pricing ?? null;
    const hasFaults = [...draft.faults.keys()].some((path) => path.startsWith("pricing."));
    this.#lack = hasFaults
      ? "There is a price above that is none."
      : pricing?.free || (pricing?.input && pricing.output)
        ? null
        : "Say what input and output cost to see it.";
    const tokens = tokenCounts(this.#typed, this.#dimensions);
    const asked = JSON.stringify([tokens, pricing, draft.etag]);
    if (this.#lack || asked === this.#asked) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    // The first answer is awaited, later ones wait until the typing rests.
    const wait = this.#answered ? WAIT_MS : 0;
    this.#timer = setTimeout(() => this.#ask({ tokens, document: { pricing } }, asked), wait);
  }

  async #ask(body, asked) {
    const found = { result: null, error: null };
    try {
      found.result = await post(`${this.#editor.path}/quote`, body, { signal: this.#signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      found.error = error;
    }
    if (asked !== this.#asked) return;
    this.#answered = asked;
    this.#result = found.result;
    this.#error = found.error;
    this.#draw();
  }

  view() {
    const type = (name) => (event) => {
      this.#typed[name] = event.target.value;
      this.#draw();
    };
    // Enter saves the form around it; here it only means "that is the number".
    const stay = (event) => event.key === "Enter" && event.preventDefault();
    const form = { id: `${this.#editor.form.id}-quote`, faults: tokenFaults(this.#typed) };
    const tokens = (name) =>
      field(form, {
        name,
        label: dimensionText(name),
        value: this.#typed[name],
        inputmode: "numeric",
        suffix: "tokens",
        required: true,
        oninput: type(name),
      });
    return html`<section class="quote" aria-label="What it comes to" @keydown=${stay}>
      <h3>What it comes to</h3>
      <div class="form-grid">${this.#dimensions.map(tokens)}</div>
      ${this.#answer()}
    </section>`;
  }

  #answer() {
    if (this.#lack) return html`<p class="quiet">${this.#lack}</p>`;
    if (this.#error) return html`<p class="note" data-tone="bad" role="alert">${this.#error.message}</p>`;
    if (!this.#result) return skeletonRows(3);
    const isOld = this.#answered !== this.#asked;
    return html`<div class="resource" aria-busy=${isOld}>${receipt(this.#result)}${past(this.#result.last_24h)}</div>`;
  }
}

function receipt({ lines, cost, tier }) {
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
  </table>`;
}

/** The last day at these prices; nothing for a model that is not kept yet. */
function past(last) {
  if (!last) return "";
  const { requests, charged, with_draft: drafted, exact } = last;
  if (!requests) return html`<p class="repriced quiet">No request of it in the last 24 hours.</p>`;
  const difference = subtractDecimals(drafted, charged);
  const would =
    compareDecimals(difference, "0") === 0
      ? "At these prices it is the same."
      : html`At these prices it would have been <strong>${amount(drafted)}</strong>
          <span class="strong">(${signedMoney(difference)})</span>.`;
  const about = "About: which tier each request falls into is not known from the sums.";
  return html`<p class="repriced">
    <span>Last 24 hours, ${plural(requests, "request")}: charged ${amount(charged)}. ${would}</span>
    ${when(exact === false, () => html`<span class="sub">${about}</span>`)}
  </p>`;
}
