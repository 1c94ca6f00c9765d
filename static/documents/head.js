// What stands over the tabs of a drawer: where the document stands, and who changed it last.

import { timeAgo } from "../components/bits.js";
import { html, when } from "../html.js";
import { lastChange } from "./authors.js";
import { placeText, stateBadge } from "./marks.js";

/** `before` and `after` are what this kind of document has to say, on either side of its state. */
export function documentHead({ row, entity }, before = "", after = "") {
  const last = lastChange(entity);
  return html`<div class="document-head">
    <div class="document-facts">
      ${before}${stateBadge(row.registry?.state)}${placeText(row.registry?.place)} ${after}
    </div>
    ${when(last, () => html`<p class="quiet">Changed by ${last.name}, ${timeAgo(last.at)}</p>`)}
  </div>`;
}
