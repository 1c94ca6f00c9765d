// What would it cost: tokens in, dollars out, to the last digit. An element, so that what is typed stays while the page
// is drawn anew.

import { exact, receiptLines } from "../../components/receipt-lines.js";
import { DIMENSIONS, billOf } from "../../cost.js";
import { timesDecimal } from "../../decimal.js";
import { count, dimensionText } from "../../format.js";
import { html, render, when } from "../../html.js";

const START = { input: 1000, output: 500 };
const TOKENS_MAX = 1_000_000_000;

export function costCalculator(pricing) {
  return html`<cost-calculator .pricing=${pricing}></cost-calculator>`;
}

class CostCalculator extends HTMLElement {
  #pricing = null;
  #tokens = { ...START };
  #requests = 1000;

  set pricing(pricing) {
    this.#pricing = pricing;
    this.#draw();
  }

  #draw() {
    const bill = billOf(this.#tokens, this.#pricing);
    render(
      html`<section class="stack tight">
        <h3>What would it cost?</h3>
        <div class="form-grid narrow">
          ${DIMENSIONS.map((name) =>
            this.#number(dimensionText(name), this.#tokens[name] ?? 0, (value) => {
              this.#tokens[name] = value;
            }),
          )}
          ${this.#number("Requests", this.#requests, (value) => {
            this.#requests = value;
          })}
        </div>
        ${receiptLines(bill, { caption: "One such request" })}
        ${when(this.#requests > 1, () => manySuch(this.#requests, bill.cost))}
      </section>`,
      this,
    );
  }

  #number(label, value, take) {
    const type = (event) => {
      take(Math.min(TOKENS_MAX, Math.max(0, Math.floor(Number(event.target.value) || 0))));
      this.#draw();
    };
    return html`<label class="field"
      ><span class="label">${label}</span
      ><input type="number" min="0" max=${TOKENS_MAX} step="1" inputmode="numeric" value=${value} @input=${type}
    /></label>`;
  }
}

const manySuch = (requests, cost) =>
  html`<p role="status">${count(requests)} such requests cost ${exact(timesDecimal(cost, requests))}.</p>`;

customElements.define("cost-calculator", CostCalculator);
