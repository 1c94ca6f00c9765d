// What a revision changed, or a rollback would change: by entity, field by field.

import { badge } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { html } from "../../html.js";
import { entityHref, isSet, parseEntity, valueText } from "./words.js";

export function changeList(changes) {
  if (!changes.length) return html`<p class="quiet">Nothing live changed; what the files declare was recorded.</p>`;
  return html`<ul class="stack tight">
    ${changes.map(
      (change) =>
        html`<li class="panel plan-entity">
          <header>
            <h3><a href=${entityHref(parseEntity(change.entity))}>${change.entity}</a></h3>
            ${badge(change.action)}
          </header>
          ${change.moved_from ? html`<p>renamed from <code>${change.moved_from}</code></p>` : ""}
          <dl class="changes">
            ${change.fields.map(
              (one) =>
                html`<div>
                  <dt><code>${one.path}</code></dt>
                  <dd>${side(one.from)}${icon("right")}${side(one.to)}</dd>
                </div>`,
            )}
          </dl>
        </li>`,
    )}
  </ul>`;
}

function side(value) {
  return html`<span class=${isSet(value) ? "mono" : "quiet"}>${valueText(value)}</span>`;
}
