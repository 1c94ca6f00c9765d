// What a write changed, field by field: from what, to what. `words` says how fields and values are called, where they
// are not to be shown as they are kept: `{label(path), text(path, value)}`.

import { fieldDiff, valueText } from "../field-diff.js";
import { html } from "../html.js";

const AS_KEPT = {
  label: (path) => html`<code>${path || "value"}</code>`,
  text: (path, value) => valueText(value),
};

/** All of it, for the place where one entry is looked at. */
export function changeList(before, after, words = AS_KEPT) {
  const changes = fieldDiff(before, after);
  if (!changes.length) return html`<p class="quiet">No field of it changed.</p>`;
  const side = (path, value, name) => html`<span class="visually-hidden">${name} </span>${words.text(path, value)}`;
  return html`<dl class="field-changes">
    ${changes.map(
      ({ path, before: old, after: fresh }) =>
        html`<div>
          <dt>${words.label(path)}</dt>
          <dd>
            ${old === undefined ? "" : html`<del>${side(path, old, "from")}</del>`}
            ${fresh === undefined ? "" : html`<ins>${side(path, fresh, "to")}</ins>`}
          </dd>
        </div>`,
    )}
  </dl>`;
}

const FIELDS_MAX = 3;
const TEXT_MAX = 40;

/** In one line, for a table. */
export function changeSummary(before, after, words = AS_KEPT) {
  const changes = fieldDiff(before, after);
  const short = (path, value) => cut(words.text(path, value));
  const shown = changes
    .slice(0, FIELDS_MAX)
    .map(
      ({ path, before: old, after: fresh }) =>
        html`<span class="change"
          ><span class="quiet">${words.label(path)}</span>
          ${old === undefined ? "" : html`<del>${short(path, old)}</del> → `}${short(path, fresh)}</span
        >`,
    );
  const left = changes.length - FIELDS_MAX;
  return html`<span class="change-line"
    >${shown}${left > 0 ? html`<span class="quiet">and ${left} more</span>` : ""}</span
  >`;
}

const cut = (text) => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);
