// The lines of a bill: tokens times price is amount, and the amounts sum to the cost.

import { dimensionText, count, exactMoney, price } from "../format.js";
import { html, when } from "../html.js";
import { table } from "./table.js";

/** `bill`: `{lines, cost, tier}` as a receipt has them. Amounts are told with every digit. */
export function receiptLines(bill, { caption = "Receipt" } = {}) {
  const columns = [
    { name: "dimension", label: "What", primary: true, render: ({ dimension }) => dimensionText(dimension) },
    { name: "tokens", label: "Tokens", align: "end", render: ({ tokens }) => html`<span class="amount">${count(tokens)}</span>` },
    { name: "price", label: "Price per 1M", align: "end", render: ({ price: rate }) => html`<span class="amount">${price(rate)}</span>` },
    { name: "amount", label: "Amount", align: "end", render: ({ amount }) => exact(amount) },
  ];
  return html`<div class="receipt">${table({ caption, columns, rows: bill.lines, keyOf: ({ dimension }) => dimension,
    total: { dimension: "Cost", amount: exact(bill.cost) } })}
    ${when(bill.tier, () => html`<p class="quiet">Rates for prompts above ${count(bill.tier)} tokens.</p>`)}</div>`;
}

/** Dollars to the last digit: where lines are to be summed by hand. */
export function exact(text) {
  return html`<span class="amount" title=${exactMoney(text)}>$${text}</span>`;
}
