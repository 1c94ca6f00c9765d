// Prices edited where they stand in the list: a press, `e` or Enter opens one; Enter saves, Esc restores, Tab
// saves and goes on to the next.

import { priceFault, priceOf } from "../../documents/values.js";
import { dimensionText } from "../../format.js";
import { html, live, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { isUnpriced } from "./filters.js";
import { FALLBACK, isLocked, priceCell } from "./price-cell.js";

export const GRID = ["input", "output", "cached_input", "cache_write"];

/**
 * `save(row, pricing)` writes changed rates and resolves to whether they are saved; `rowOf(key)` is a row as it is now;
 * `draw()` shows the list anew.
 */
export class PriceGrid {
  #save;
  #draw;
  #rowOf;
  #open = null;
  /** Rates that were typed and are not saved, by model: on their way, or half a price that waits for its other half. */
  #typed = new Map();
  #queues = new Map();

  constructor({ save, rowOf, draw }) {
    this.#save = save;
    this.#rowOf = rowOf;
    this.#draw = draw;
  }

  /** Open the editor of one price, unless only the file may change it. */
  start(row, name) {
    if (isLocked(row, name)) return;
    this.#open = { key: row.key, name, typed: this.#typed.get(row.key)?.[name] ?? row.pricing?.[name] ?? "" };
    this.#draw();
    this.#focus(row.key, name, "input");
  }

  /** Open the editor of a price by the names in the page; false where there is no such row. */
  startAt(key, name) {
    const row = this.#rowOf(key);
    if (row) this.start(row, name);
    return row !== undefined;
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

  /** Take what was typed, and save it once the price is whole. */
  #commit(row) {
    const { name, typed } = this.#open;
    this.#open = null;
    const value = priceOf(typed) || null;
    const waiting = this.#typed.get(row.key);
    const saved = row.pricing?.free ? {} : (row.pricing ?? {});
    if (waiting || (saved[name] ?? null) !== value) {
      const rates = { ...waiting, [name]: value };
      this.#typed.set(row.key, rates);
      const { input, output } = { ...saved, ...rates };
      if (input && output) this.#enqueue(row.key, rates);
    }
    this.#draw();
  }

  /** One write of a model after the other, each on what the last one answered. */
  #enqueue(key, rates) {
    const before = this.#queues.get(key) ?? Promise.resolve();
    const done = before.then(async () => {
      const row = this.#rowOf(key);
      if (row) await this.#save(row, row.pricing?.free ? { ...rates, free: null } : rates);
      if (this.#queues.get(key) === done) {
        this.#queues.delete(key);
        this.#typed.delete(key);
      }
      this.#draw();
    });
    this.#queues.set(key, done);
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
      if (this.#faultOf(row)) return this.#draw();
      this.#commit(row);
      this.#focus(row.key, name, "button");
    } else if (event.key === "Tab") {
      const next = GRID[GRID.indexOf(name) + (event.shiftKey ? -1 : 1)];
      if (this.#faultOf(row)) event.preventDefault();
      else if (next && !isLocked(row, next)) {
        // The next price opens at once; this one is saved meanwhile.
        event.preventDefault();
        this.#commit(row);
        this.start(row, next);
      }
    }
    return undefined;
  }

  /** The cell of one price. */
  cell(row, name) {
    if (this.#open?.key === row.key && this.#open.name === name) return this.#input(row, name);
    return priceCell(row, name, { waiting: this.#typed.get(row.key)?.[name], start: () => this.start(row, name) });
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
    return html`<span class="price-edit"
      ><span class="input" data-invalid=${fault !== null}
        ><span class="affix">$</span>
        <input
          data-price=${id}
          inputmode="decimal"
          autocomplete="off"
          aria-label=${`${dimensionText(name)} of ${row.key}, dollars per 1M tokens`}
          aria-invalid=${fault !== null}
          aria-describedby="price-fault"
          placeholder=${FALLBACK[name] ?? ""}
          .value=${live(typed)}
          @input=${type}
          @keydown=${(event) => this.#press(event, row)}
          @blur=${leave} /><span class="affix">/ 1M</span></span
      >
      ${when(fault, () => html`<span class="price-fault" id="price-fault" role="alert">${fault}</span>`)}</span
    >`;
  }

  /** "Saving…", or what is missing yet. */
  status(row) {
    if (this.#queues.has(row.key)) return html`<span class="sub" role="status">Saving…</span>`;
    const waiting = this.#typed.get(row.key);
    // Whoever types knows that there is more to come.
    if (!waiting || this.#open?.key === row.key) return "";
    const missing = ["input", "output"].filter((name) => !waiting[name] && !row.pricing?.[name]);
    return html`<span class="sub" data-tone="warn" role="status"
      >Not saved yet: ${missing.join(" and ")} missing</span
    >`;
  }
}

/** `e` edits the price that has the focus, or the first one of the row that has it. */
export function editByKey(grid, signal) {
  const press = (event) => {
    if (event.key !== "e" || event.ctrlKey || event.metaKey || event.altKey || !preferences.hasShortcuts) return;
    if (event.target.closest?.("input, textarea, select, dialog")) return;
    const key = event.target.closest?.("tr[data-key]")?.dataset.key;
    if (key && grid.startAt(key, event.target.dataset.price?.split("/").at(-1) ?? "input")) event.preventDefault();
  };
  document.addEventListener("keydown", press, { signal });
}
