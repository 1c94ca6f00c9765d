// One price in the list while nobody edits it: what is charged, what is missing, who alone may change it.

import { rate } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { dimensionText, price } from "../../format.js";
import { html } from "../../html.js";
import { isUnpriced } from "./filters.js";

/** What a dimension without a price of its own costs. */
export const FALLBACK = { cached_input: "as input", cache_write: "as input" };

/** Whether only the file may change it. */
export function isLocked(row, name) {
  return row.registry?.locked?.includes(`pricing.${name}`) ?? false;
}

/** `waiting` is what was typed and is not saved yet, `start()` opens the editor. */
export function priceCell(row, name, { waiting, start }) {
  if (isLocked(row, name)) {
    const title = `Only the file may change it: ${row.registry.place ?? "models.yaml"}`;
    return html`<span class="price-locked" title=${title}>${icon("lock")}${shown(row.pricing, name)}</span>`;
  }
  return html`<button
    type="button"
    class="price-cell"
    data-price=${`${row.key}/${name}`}
    data-waiting=${Boolean(waiting)}
    data-missing=${isUnpriced(row) && !waiting && !FALLBACK[name]}
    aria-label=${`${dimensionText(name)} of ${row.key}: ${spoken(row.pricing, name, waiting)}. Edit`}
    title="Edit"
    @click=${start}>
    ${waiting ? html`<span class="quiet">$${waiting}</span>` : shown(row.pricing, name)}
  </button>`;
}

function shown(pricing, name) {
  if (pricing?.free) return html`<span class="quiet">free</span>`;
  if (pricing?.[name]) return rate(pricing[name]);
  if (FALLBACK[name]) return html`<span class="quiet">${pricing ? FALLBACK[name] : "–"}</span>`;
  return "Set";
}

function spoken(pricing, name, waiting) {
  if (waiting) return `$${waiting}, not saved`;
  return pricing?.free ? "free" : pricing?.[name] ? price(pricing[name]) : "not set";
}
