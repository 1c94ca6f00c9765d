// Prices edited where they stand in the list: a double click, `e` or Enter opens one; Enter saves, Esc restores, Tab
// saves and goes on to the next.

import { icon } from "../../components/icons.js";
import { rate } from "../../components/bits.js";
import { priceFault, priceOf } from "../../documents/values.js";
import { dimensionText, price } from "../../format.js";
import { html, live, when } from "../../html.js";
import { isUnpriced } from "./filters.js";

export const GRID = ["input", "output", "cached_input", "cache_write"];
const FALLBACK = { cached_input: "as input", cache_write: "as input" };

/** `save(row, pricing)` writes changed rates and resolves to whether they are saved; `draw()` shows the list anew. */
export class PriceGrid {
  #save;
  #draw;
  #open = null;
  /** Rates of models without a complete price: they are saved together. */
  #waiting = new Map();
  #saving = new Set();

  constructor({ save, draw }) {
    this.#save = save;
    this.#draw = draw;
  }

  /** Open the editor of one price, unless only the file may change it. */
  start(row, name) {
    if (isLocked(row, name) || this.#saving.has(row.key)) return;
    this.#open = { key: row.key, name, typed: this.#waiting.get(row.key)?.[name] ?? row.pricing?.[name] ?? "", etag: row.etag };
    this.#draw();
    this.#focus(row.key, name, "input");
  }

  #focus(key, name, tag) {
    requestAnimationFrame(() => {
      const control = document.querySelector(`${tag}[data-price="${CSS.escape(`${key}/${name}`)}"]`);
      control?.focus();
      control?.select?.();
    });
  }

  #restore(row, name) {
    this.#open = null;
    this.#draw();
    this.#focus(row.key, name, "button");
  }

  /** Take what was typed. Returns whether the field may be left. */
  async #commit(row) {
    const { name, typed } = this.#open;
    if (this.#faultOf(row)) {
      this.#draw();
      return false;
    }
    this.#open = null;
    const value = priceOf(typed) || null;
    const waiting = { ...this.#waiting.get(row.key), [name]: value };
    const pricing = row.pricing?.free ? {} : row.pricing ?? {};
    const after = { ...pricing, ...waiting };
    if ((pricing[name] ?? null) === value && !this.#waiting.has(row.key)) {
      this.#draw();
      return true;
    }
    if (!after.input || !after.output) {
      // Half a price cannot be saved: it waits for the other half.
      this.#waiting.set(row.key, waiting);
      this.#draw();
      return true;
    }
    this.#saving.add(row.key);
    this.#draw();
    const isSaved = await this.#save(row, row.pricing?.free ? { ...waiting, free: null } : waiting);
    this.#saving.delete(row.key);
    if (isSaved) this.#waiting.delete(row.key);
    this.#draw();
    return true;
  }

  #faultOf(row) {
    const { name, typed } = this.#open;
    const isRequired = (name === "input" || name === "output") && !isUnpriced(row);
    return priceFault(typed, { isRequired, dimension: name });
  }

  #press(event, row) {
    const { name } = this.#open;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#restore(row, name);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#commit(row).then((isLeft) => isLeft && this.#focus(row.key, name, "button"));
    } else if (event.key === "Tab") {
      const next = GRID[GRID.indexOf(name) + (event.shiftKey ? -1 : 1)];
      if (this.#faultOf(row)) event.preventDefault();
      else if (next && !isLocked(row, next)) {
        event.preventDefault();
        const { typed } = this.#open;
        this.#goOn(row, name, typed, next);
      }
    }
  }

  /** The next price opens at once; what was typed is saved meanwhile. */
  async #goOn(row, name, typed, next) {
    const done = this.#commit(row);
    await done;
    this.startAgain(row.key, next);
  }

  /** By the key: the row was replaced by what the server answered. */
  startAgain(key, name) {
    const row = this.rowOf(key);
    if (row && !this.#open) this.start(row, name);
  }

  /** Set by the page: the row of a key as it is now. */
  rowOf = () => null;

  /** The cell of one price. */
  cell(row, name) {
    if (this.#open?.key === row.key && this.#open.name === name) return this.#input(row, name);
    const id = `${row.key}/${name}`;
    if (isLocked(row, name)) return html`<span class="price-locked" title=${`Only the file may change it: ${row.registry.place ?? "models.yaml"}`}>${icon("lock")}${shown(row.pricing, name)}</span>`;
    const waiting = this.#waiting.get(row.key)?.[name];
    const isSaving = this.#saving.has(row.key);
    // A mouse clicks twice, a finger once, and a keyboard's click has no count.
    const click = (event) => (event.detail === 0 || event.pointerType === "touch") && this.start(row, name);
    return html`<button type="button" class="price-cell" data-price=${id} data-waiting=${Boolean(waiting)} ?disabled=${isSaving}
      aria-label=${`${dimensionText(name)} of ${row.key}: ${spoken(row.pricing, name, waiting)}. Edit`} title="Double-click, e or Enter to edit"
      @click=${click} @dblclick=${() => this.start(row, name)}>${waiting ? html`<span class="quiet">$${waiting}</span>` : shown(row.pricing, name)}</button>`;
  }

  #input(row, name) {
    const { typed } = this.#open;
    const id = `${row.key}/${name}`;
    const fault = typed === "" ? null : this.#faultOf(row);
    const type = (event) => {
      this.#open.typed = event.target.value;
      this.#draw();
    };
    const leave = () => {
      // A redraw that takes the field away, or a press on another one, is no decision: what is good is saved.
      if (this.#open?.key !== row.key || this.#open.name !== name) return;
      if (this.#faultOf(row)) {
        this.#open = null;
        this.#draw();
      } else this.#commit(row);
    };
    return html`<span class="price-edit"><span class="input" data-invalid=${fault !== null}><span class="affix">$</span>
      <input data-price=${id} inputmode="decimal" autocomplete="off" aria-label=${`${dimensionText(name)} of ${row.key}, dollars per 1M tokens`}
        aria-invalid=${fault !== null} aria-describedby="price-fault" placeholder=${FALLBACK[name] ?? ""} .value=${live(typed)}
        @input=${type} @keydown=${(event) => this.#press(event, row)} @blur=${leave}><span class="affix">/ 1M</span></span>
      ${when(fault, () => html`<span class="price-fault" id="price-fault" role="alert">${fault}</span>`)}</span>`;
  }

  /** "Saving…", or what is missing yet. */
  status(row) {
    if (this.#saving.has(row.key)) return html`<span class="sub" role="status">Saving…</span>`;
    const waiting = this.#waiting.get(row.key);
    if (!waiting) return "";
    const missing = ["input", "output"].filter((name) => !waiting[name] && !row.pricing?.[name]);
    return html`<span class="sub" data-tone="warn" role="status">Not saved yet: ${missing.join(" and ")} missing</span>`;
  }
}

export function isLocked(row, name) {
  return row.registry?.locked?.includes(`pricing.${name}`) ?? false;
}

function shown(pricing, name) {
  if (pricing?.free) return html`<span class="quiet">free</span>`;
  if (pricing?.[name]) return rate(pricing[name]);
  return html`<span class="quiet">${pricing && FALLBACK[name] ? FALLBACK[name] : "–"}</span>`;
}

function spoken(pricing, name, waiting) {
  if (waiting) return `$${waiting}, not saved`;
  return pricing?.free ? "free" : pricing?.[name] ? price(pricing[name]) : "not set";
}
