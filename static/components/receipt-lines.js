// The lines of a bill: tokens times price is amount, and the amounts sum to the cost.

import { addDecimals, compareDecimals } from "../decimal.js";
import { count, dimensionText, exactMoney, price } from "../format.js";
import { html, when } from "../html.js";
import { icon } from "./icons.js";

/** `bill`: `{lines, cost, tier, tokens?}` as a receipt has them. Amounts are told with every digit. */
export function receiptLines(bill, { caption = "Receipt" } = {}) {
  return html`<div class="receipt">
    <table class="receipt-lines">
      <caption class="visually-hidden">
        ${caption}
      </caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" class="end">Tokens</th>
          <th scope="col" class="end">Price per 1M</th>
          <th scope="col" class="end">Amount</th>
        </tr>
      </thead>
      <tbody>
        ${bill.lines.map(
          (line) =>
            html`<tr>
              <th scope="row">${dimensionText(line.dimension)}</th>
              <td class="end">${count(line.tokens)}</td>
              <td class="end">${price(line.price)}</td>
              <td class="end">${exact(line.amount)}</td>
            </tr>`,
        )}
        ${when(
          bill.tokens?.reasoning,
          (tokens) =>
            html`<tr class="quiet">
              <th scope="row">${dimensionText("reasoning")}</th>
              <td class="end">${count(tokens)}</td>
              <td></td>
              <td class="end">in the output</td>
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row" colspan="3">Cost ${sumMark(bill)}</th>
          <td class="end">${exact(bill.cost)}</td>
        </tr>
      </tfoot>
    </table>
    ${when(bill.tier, () => html`<p class="quiet">Rates for prompts above ${count(bill.tier)} tokens.</p>`)}
  </div>`;
}

function sumMark(bill) {
  return isExact(bill)
    ? html`<span class="sum-mark" data-tone="good">${icon("check")}the sum of the lines</span>`
    : html`<span class="sum-mark" data-tone="bad">${icon("warning")}the lines do not sum to this</span>`;
}

/** Whether the lines sum to the cost, to the last digit. */
export function isExact({ lines, cost }) {
  return compareDecimals(addDecimals("0", ...lines.map(({ amount }) => amount)), cost) === 0;
}

/** Dollars to the last digit: where lines are to be summed by hand. */
export function exact(text) {
  const isNegative = text.startsWith("-");
  return html`<span class="amount" data-negative=${isNegative} title=${exactMoney(text)}
    >${isNegative ? "\u2212" : ""}${price(text.replace("-", ""))}</span
  >`;
}
