// The controls over a table: a text that narrows it while one types, and choices of which one holds.

import { html } from "../html.js";

const WAIT_MS = 250;
const timers = new WeakMap();

/** A field that narrows a list; `/` goes there. `onchange(text)` is called once one pauses. */
export function filterInput({ value, label, placeholder = "Filter", onchange }) {
  const type = (event) => {
    const field = event.target;
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(() => onchange(field.value.trim()), WAIT_MS));
  };
  return html`<input class="filter-input" type="search" data-filter aria-label=${label} placeholder=${placeholder} .value=${value} @input=${type}>`;
}

/** One of a few, as links: `items` are `[value, text]` pairs, `hrefOf(value)` the address of each. */
export function segments(label, items, current, hrefOf) {
  return html`<nav class="segments wraps" aria-label=${label}>${items.map(([value, text]) => html`<a href=${hrefOf(value)} aria-current=${value === current ? "page" : "false"}>${text}</a>`)}</nav>`;
}
