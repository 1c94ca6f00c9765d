// The lines of a bill: tokens times price is amount, and the amounts sum to the cost.

import { count, dimensionText, exactMoney, price } from "../format.js";
import { html, when } from "../html.js";

/** `bill`: `{lines, cost, tier}` as a receipt has them. Amounts are told with every digit. */
export function receiptLines(bill, { caption = "What it cost" } = {}) {
  return html`<table class="receipt-lines"><caption class="visually-hidden">${caption}</caption>
    <thead><tr><th scope="col">Tokens</th><th scope="col" class="end">Count</th><th scope="col" class="end">$ per 1M</th><th scope="col" class="end">Amount</th></tr></thead>
    <tbody>${bill.lines.map((line) => html`<tr><th scope="row">${dimensionText(line.dimension)}</th><td class="end">${count(line.tokens)}</td>
      <td class="end">${price(line.price)}</td><td class="end">${exact(line.amount)}</td></tr>`)}</tbody>
    <tfoot><tr><th scope="row" colspan="3">Cost</th><td class="end">${exact(bill.cost)}</td></tr></tfoot></table>
    ${when(bill.tier, () => html`<p class="quiet">At the prices for prompts above ${count(bill.tier)} tokens.</p>`)}`;
}

/** Dollars to the last digit: where lines are to be summed by hand. */
export function exact(text) {
  const isNegative = text.startsWith("-");
  return html`<span class="amount" data-negative=${isNegative} title=${exactMoney(text)}>${isNegative ? "\u2212" : ""}${price(text.replace("-", ""))}</span>`;
}
