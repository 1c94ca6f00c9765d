// Data of the server on a page, in its four states: loading, empty, data, error. What was there stays while it is
// fetched again; a part of a page that fails leaves the others alone.

import { ApiError } from "../api.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { code } from "./bits.js";
import { icon } from "./icons.js";

/** `fetch(signal)` gives the data; `draw()` shows the page anew whenever something changed. */
export class Resource {
  #fetch;
  #draw;
  #signal;
  #current = null;
  data = undefined;
  error = null;
  isLoading = false;
  loadedAt = null;

  constructor(context, fetch, draw) {
    this.#fetch = fetch;
    this.#draw = draw;
    this.#signal = context.signal;
  }

  /** Fetch (again). An older call that is still under way is dropped. Returns the data, or undefined. */
  async load({ keep = true } = {}) {
    this.#current?.abort();
    const current = (this.#current = new AbortController());
    const signal = AbortSignal.any([current.signal, this.#signal]);
    if (!keep) this.data = undefined;
    this.isLoading = true;
    this.#draw();
    try {
      const data = await this.#fetch(signal);
      if (signal.aborted) return undefined;
      this.data = data;
      this.error = null;
      this.loadedAt = Date.now();
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return undefined;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.isLoading = false;
    this.#draw();
    return this.data;
  }

  /** Put other data in place, such as what a write answered. */
  set(data) {
    this.data = data;
    this.error = null;
    this.#draw();
  }
}

/** Lists of pages: `fetch({cursor, signal})` gives `{data, has_more, next_cursor}`; `more()` appends the next page. */
export class ListResource extends Resource {
  #draw;
  #page;
  isLoadingMore = false;
  moreError = null;

  constructor(context, fetch, draw) {
    super(context, (signal) => fetch({ cursor: null, signal }), draw);
    this.#page = (cursor) => fetch({ cursor, signal: context.signal });
    this.#draw = draw;
  }

  get rows() {
    return this.data?.data ?? [];
  }

  async more() {
    const before = this.data;
    this.isLoadingMore = true;
    this.moreError = null;
    this.#draw();
    try {
      const page = await this.#page(before.next_cursor);
      if (this.data === before) this.data = { ...page, data: [...before.data, ...page.data] };
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      this.moreError = error;
    }
    this.isLoadingMore = false;
    this.#draw();
  }
}

/** A template for whichever state the resource is in. `empty` is shown when `isEmpty(data)`. */
export function show(resource, { data, skeleton = skeletonRows(4), isEmpty = null, empty = null }) {
  if (resource.data === undefined) {
    return resource.error ? failure(resource.error, () => resource.load()) : skeleton;
  }
  const inside = isEmpty?.(resource.data) ? empty : data(resource.data);
  return html`<div class="resource" aria-busy=${resource.isLoading}>
    ${when(resource.error, (error) => stale(error, resource))}${inside}
  </div>`;
}

/** Where data would be, why it is not there, and a way to try again. */
export function failure(error, retry) {
  return html`<div class="panel failure" role="alert">
    ${icon("error")}
    <div>
      <p><strong>${error.message}</strong></p>
      <p class="quiet">${error.status ? `Status ${error.status}` : "No answer"}${when(error.requestId, requestId)}</p>
    </div>
    <button type="button" class="button" @click=${retry}>Try again</button>
  </div>`;
}

const requestId = (id) => html` · ${code(id, "Copy the request id")}`;

function stale(error, resource) {
  return html`<p class="strip" data-tone="warn" role="status">
    ${icon("warning")}<span>These figures could not be refreshed: ${error.message}</span>
    <button type="button" class="button" data-kind="quiet" @click=${() => resource.load()}>Try again</button>
  </p>`;
}

/** What is not there yet, and the one thing to do about it. */
export function emptyState({ title, text = "", action = "", iconName = "info" }) {
  return html`<div class="panel empty">
    ${icon(iconName)}
    <h2>${title}</h2>
    <p>${text}</p>
    <div class="actions">${action}</div>
  </div>`;
}

export function skeletonRows(rows) {
  return html`<div class="skeleton" role="status">
    <span class="visually-hidden">Loading…</span> ${Array.from({ length: rows }, () => html`<span></span>`)}
  </div>`;
}

/** Panels side by side, as high as what will stand there. */
export function skeletonColumns(panels, rows) {
  return html`<div class="columns">
    ${Array.from({ length: panels }, () => html`<div class="panel">${skeletonRows(rows)}</div>`)}
  </div>`;
}

/** A row of tiles, each with its name, a figure and a note. */
export function skeletonTiles(tiles) {
  return html`<div class="tiles">
    ${Array.from({ length: tiles }, () => html`<div class="tile">${skeletonRows(3)}</div>`)}
  </div>`;
}

/** "Load 50 more", while there are more. */
export function pager(list, noun = "row", nouns = undefined) {
  if (!list.data) return "";
  return html`<div class="pager">
    <span class="quiet">${plural(list.rows.length, noun, nouns)} shown</span> ${when(
      list.data.has_more,
      () =>
        html`<button type="button" class="button" ?disabled=${list.isLoadingMore} @click=${() => list.more()}>
          ${list.isLoadingMore ? "Loading…" : "Load more"}
        </button>`,
    )}
    ${when(list.moreError, (error) => html`<span class="field-error" role="alert">${error.message}</span>`)}
  </div>`;
}
