// The controls over a table: a text that narrows it while one types, and choices of which one holds.

import { addressSignal } from "../address.js";
import { html, ifDefined } from "../html.js";

const WAIT_MS = 250;
// Fields with what was typed and is not yet in the address, each with the parameter that it sets.
const waiting = new Map();
let timer = null;

/**
 * A field that sets `name` in the address once one pauses; `label` is its name where no label stands around it, and
 * `/` goes there if it `isFirst`. A change of the address before that, as by a link, forgets what was typed.
 */
export function filterInput({ name, value, label, placeholder = "Filter", isFirst = true, router }) {
  const type = (event) => {
    if (!waiting.size) addressSignal().addEventListener("abort", forget, { once: true });
    waiting.set(event.target, name);
    clearTimeout(timer);
    timer = setTimeout(() => apply(router), WAIT_MS);
  };
  return html`<input
    class="filter-input"
    type="search"
    autocomplete="off"
    ?data-filter=${isFirst}
    aria-label=${ifDefined(label)}
    placeholder=${placeholder}
    .value=${value ?? ""}
    @input=${type} />`;
}

function apply(router) {
  const changes = Object.fromEntries(Array.from(waiting, ([field, name]) => [name, field.value.trim()]));
  waiting.clear();
  router.setQuery(changes, { replace: true });
}

function forget() {
  clearTimeout(timer);
  const now = new URLSearchParams(location.search);
  for (const [field, name] of waiting) field.value = now.get(name) ?? "";
  waiting.clear();
}

/** One of a few, as links: `items` are `[value, text]` pairs, `hrefOf(value)` the address of each. */
export function segments(label, items, current, hrefOf) {
  return html`<nav class="segments wraps" aria-label=${label}>
    ${items.map(([value, text]) => segment(text, hrefOf(value), value === current))}
  </nav>`;
}

function segment(text, href, isCurrent) {
  return html`<a href=${href} aria-current=${isCurrent ? "page" : "false"}>${text}</a>`;
}
