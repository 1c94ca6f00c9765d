// Where the files and what is live stand to each other, in one word, and what keeps them apart.

import { badge, timeAgo } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { plural } from "../../format.js";
import { html, when } from "../../html.js";

const MODES = {
  "three-way": "The file and live edits are merged field by field; what both changed waits for you.",
  enforce: "What the file declares is the file's: live edits of it are refused.",
  "seed-missing": "The file only adds what is missing.",
  off: "The file is not read when the server starts.",
};

/** `data` is the status with the `faults` of the files as they are now. */
export function summary(data) {
  return html`<section class="panel registry-summary" aria-label="State">
    <div class="toolbar">
      ${verdict(data)}<span class="quiet">Revision ${data.revision}</span>${applied(data.sources)}
    </div>
    <p class="quiet">${MODES[data.mode] ?? data.mode}</p>
    ${fileState(data)} ${when(data.missing_secrets.length, () => missing(data.missing_secrets))}
  </section>`;
}

/** When the files were applied last, of which commit, by whom. */
function applied([source]) {
  if (!source) return html`<span class="quiet">no file was ever applied</span>`;
  const rev = source.rev ? html` · <code>${source.rev.slice(0, 12)}</code>` : "";
  const author = source.author ? ` · ${source.author}` : "";
  return html`<span class="quiet">file applied ${timeAgo(source.applied_at)}${rev}${author}</span>`;
}

const filesChanged = () =>
  html`<p class="strip" data-tone="info">
    ${icon("file")}<span>The files have changed since they were applied last.</span>
    <a class="button" href="/ui/registry?tab=plan">See the plan</a>
  </p>`;

const missingLine = ({ reference, entity, reason }) =>
  html`<span class="sub"><code>${reference}</code> of ${entity}: ${reason}</span>`;

const missing = (secrets) =>
  html`<div class="strip" data-tone="warn">
    ${icon("key")}<span>${plural(secrets.length, "key is", "keys are")} missing: ${secrets.map(missingLine)}</span>
  </div>`;

/** The last sync, if it failed and nothing was applied since. */
function failedSync({ sync, sources, pending }) {
  const isOver =
    pending.files_changed === false || sources.some((one) => new Date(one.applied_at) > new Date(sync?.at));
  return sync && !sync.ok && !isOver ? sync : null;
}

function verdict(data) {
  const { faults, conflicts, pending, drift } = data;
  const failed = failedSync(data);
  if (faults.length || failed?.outcome === "invalid") return badge("File invalid", "bad", "error");
  if (failed) return badge("Sync refused", "bad", "shield");
  if (conflicts.length) return badge(plural(conflicts.length, "conflict"), "bad", "warning");
  if (pending.files_changed) return badge("Changed in file", "info", "down");
  if (drift) return badge(`${plural(drift, "field")} changed here`, "warn", "edit");
  return badge("In sync", "good", "check");
}

/** Why the files are not what is live: they cannot be used, were refused, or wait to be applied. */
function fileState(data) {
  const { faults, pending } = data;
  if (faults.length) return broken("The files cannot be used as they are.", faults);
  const isWaiting = pending.files_changed ? filesChanged() : "";
  const failed = failedSync(data);
  if (!failed) return isWaiting;
  const why = html`The last sync, ${timeAgo(failed.at)}, did not apply the files. ${failed.message}`;
  return html`${broken(why, failed.faults)} ${isWaiting}`;
}

/** With the place of each fault. What was live before stays live. */
function broken(why, faults) {
  return html`<div class="strip" data-tone="bad" role="alert">
    ${icon("error")}<span
      ><strong>${why}</strong> The last good state stays in force, and every model is served as before.
      ${faults.map((fault, at) => faultLine(fault, faults[at - 1]))}</span
    >
  </div>`;
}

/** The line itself is shown once, however much is wrong in it. */
function faultLine({ file, line, column, path, message, source_line: source }, before) {
  const text = before?.file === file && before?.line === line ? "" : source?.trim();
  return html`<span class="sub"
    ><code>${[file, line, column].filter(Boolean).join(":")}</code> ${path} ${message}
    ${when(text, () => html`<code class="source-line">${text}</code>`)}</span
  >`;
}
