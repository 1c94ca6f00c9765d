// What a write changed, field by field: from what, to what.

import { fieldDiff, valueText } from "../field-diff.js";
import { html } from "../html.js";

/** All of it, for the place where one entry is looked at. */
export function changeList(before, after) {
  const changes = fieldDiff(before, after);
  if (!changes.length) return html`<p class="quiet">No field of it changed.</p>`;
  return html`<dl class="field-changes">
    ${changes.map(
      ({ path, before: old, after: fresh }) =>
        html`<div>
          <dt><code>${path || "value"}</code></dt>
          <dd>
            ${old === undefined ? "" : html`<del><span class="visually-hidden">from </span>${valueText(old)}</del>`}${fresh === undefined ? "" : html`<ins><span class="visually-hidden">to </span>${valueText(fresh)}</ins>`}
          </dd>
        </div>`,
    )}
  </dl>`;
}

const FIELDS_MAX = 3;
const TEXT_MAX = 40;

/** In one line, for a table. */
export function changeSummary(before, after) {
  const changes = fieldDiff(before, after);
  const shown = changes
    .slice(0, FIELDS_MAX)
    .map(
      ({ path, before: old, after: fresh }) =>
        html`<span class="change"
          ><code>${path || "value"}</code>
          ${old === undefined ? "" : html`<del>${short(old)}</del> → `}${short(fresh)}</span
        >`,
    );
  return html`<span class="change-line"
    >${shown}${changes.length > FIELDS_MAX ? html`<span class="quiet">and ${changes.length - FIELDS_MAX} more</span>` : ""}</span
  >`;
}

function short(value) {
  const text = valueText(value);
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
