// The filters over the list of models: by text, provider, status, and where a model stands to the file.

import { STATES } from "../../documents/words.js";
import { html, when } from "../../html.js";
import { isFiltered } from "./filters.js";

const STATUS = [
  ["", "Any status"],
  ["served", "Served"],
  ["refused", "Not served"],
  ["disabled", "Disabled"],
];
// What was deleted here is in no list.
const FILE = Object.entries(STATES).flatMap(([name, { text }]) => (name === "deleted" ? [] : [[name, text]]));
const NONE = { q: null, provider: null, status: null, state: null };

/** `filters` are the address's, `providers` the keys that may be chosen; `set(changes, options)` is the router's. */
export function toolbar(filters, providers, set) {
  const { q, provider, status, state } = filters;
  const select = (label, name, pairs, chosen) =>
    html`<select aria-label=${label} @change=${(event) => set({ [name]: event.target.value })}>
      ${pairs.map(([key, text]) => html`<option value=${key} .selected=${key === (chosen ?? "")}>${text}</option>`)}
    </select>`;
  const named = [["", "Any provider"], ...providers.map((key) => [key, key])];
  return html`<div class="toolbar" role="search">
    <input
      data-filter
      type="search"
      placeholder="Filter by name, provider, tag"
      aria-label="Filter models"
      .value=${q}
      @input=${(event) => set({ q: event.target.value }, { replace: true })} />
    ${select("Provider", "provider", named, provider)} ${select("Status", "status", STATUS, status)}
    ${select("File", "state", [["", "File: any"], ...FILE], state)}
    ${when(isFiltered(filters), () => clearButton(set, "quiet"))}
  </div>`;
}

/** `kind` of the button, as in the styles. */
export function clearButton(set, kind = "plain") {
  return html`<button type="button" class="button" data-kind=${kind} @click=${() => set(NONE)}>Clear filters</button>`;
}
