// What stands over the table of requests: how many there are, the live tail, and the file of all of them.

import { icon } from "../../components/icons.js";
import { plural } from "../../format.js";
import { html, when } from "../../html.js";

/** `totals` undefined: not known yet. `live` is the tail that runs, or null; `onlive` null: there is none to be had. */
export function toolbar({ totals, live, isExporting, onexport, onlive }) {
  const heading = live ? "As they happen" : totals ? plural(totals.requests, "request") : "Requests";
  return html`<div class="toolbar" id="requests">
    <h2>${heading}</h2>
    <div class="push actions">
      ${when(live, () => live.bar())} ${when(onlive, () => liveButton(live !== null, onlive))}
      <button type="button" class="button" ?disabled=${isExporting || !totals?.requests} @click=${onexport}>
        ${icon("download")} ${isExporting ? "Exporting…" : exportText(totals)}
      </button>
    </div>
  </div>`;
}

const liveButton = (isLive, turn) =>
  html`<button type="button" class="button" aria-pressed=${isLive} @click=${turn}>${icon("live")}Live</button>`;

const exportText = (totals) => (totals ? `Export ${plural(totals.requests, "row")} (CSV)` : "Export (CSV)");
