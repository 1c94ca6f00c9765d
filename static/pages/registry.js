// The file and what is live: what differs, what both changed, what an apply would do, and how it came to be.

import { get } from "../api.js";
import { badge, pageHead, tabs, timeAgo } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, show } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { conflictsTab } from "./registry/conflicts.js";
import { driftTab } from "./registry/drift.js";
import { historyTab } from "./registry/history.js";
import { holdsTab } from "./registry/holds.js";
import { planTab } from "./registry/plan.js";

const TABS = { conflicts: conflictsTab, drift: driftTab, plan: planTab, history: historyTab, holds: holdsTab };
const MODES = {
  "three-way": "The file and live edits are merged field by field; what both changed waits for you.",
  enforce: "What the file declares is the file's: live edits of it are refused.",
  "seed-missing": "The file only adds what is missing.",
  off: "The file is not read when the server starts.",
};

const LEAD = "models.yaml is version-controlled, the page edits live. Neither overwrites the other in silence.";

export default function registry(context) {
  const { query, signal, draw } = context;
  const status = new Resource(
    context,
    (inner) => get("/api/admin/registry/status", { signal: inner }),
    () => redraw(),
  );
  const made = {};
  let current = null;

  /** The tab that the address names; without a name, the one where something waits. */
  const name = () => {
    const wanted = query().get("tab");
    if (TABS[wanted]) return wanted;
    const { conflicts = [], drift = 0 } = status.data ?? {};
    return conflicts.length ? "conflicts" : drift ? "drift" : "plan";
  };
  const redraw = () => draw(view());
  const enter = () => {
    if (!status.data && !status.error) return;
    const wanted = name();
    if (wanted === current) return;
    current = wanted;
    made[wanted] ??= TABS[wanted]({ ...context, redraw, status, changed: reload });
    made[wanted].load();
    redraw();
  };
  const reload = () => Promise.all([status.load(), made[current]?.load()]);

  /** How it is now. What is being looked at is fetched anew only when something became different. */
  const refresh = async () => {
    const before = standing(status.data);
    await status.load();
    if (standing(status.data) !== before) await made[current]?.load();
  };

  const view = () => {
    const fresh = freshness({ loadedAt: status.loadedAt, isLoading: status.isLoading, load: reload });
    return html`${pageHead("File and live", { lead: LEAD, actions: fresh })}${show(status, {
      data: (data) =>
        html`${summary(data)} ${tabs("Registry", items(data), current ?? name(), (one) => `/ui/registry?tab=${one}`)}
        ${current ? made[current].view() : ""}`,
    })}`;
  };

  status.load().then(enter);
  refreshing(signal, refresh);
  return {
    onquery: () => {
      current = null;
      enter();
    },
  };
}

const standing = (data) => JSON.stringify([data?.state_digest, data?.revision, data?.pending, data?.sync?.at]);

function items({ conflicts, drift, holds }) {
  return [
    { name: "conflicts", text: "Conflicts", count: conflicts.length },
    { name: "drift", text: "Changed here", count: drift },
    { name: "plan", text: "Plan and apply" },
    { name: "history", text: "History" },
    { name: "holds", text: "Holds", count: holds.length },
  ];
}

function summary(data) {
  return html`<section class="panel registry-summary" aria-label="State">
    <div class="toolbar">
      ${verdict(data)}<span class="quiet">Revision ${data.revision}</span>${applied(data.sources)}
    </div>
    <p class="quiet">${MODES[data.mode] ?? data.mode}</p>
    ${when(data.sync && !data.sync.ok, () => invalid(data.sync))} ${when(data.pending.files_changed, filesChanged)}
    ${when(data.missing_secrets.length, () => missing(data.missing_secrets))}
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
    ${icon("key")}<span
      >${plural(secrets.length, "key is", "keys are")} not to be had: ${secrets.map(missingLine)}</span
    >
  </div>`;

function verdict(data) {
  if (data.sync && !data.sync.ok) return badge("File invalid", "bad", "error");
  if (data.conflicts.length) return badge(plural(data.conflicts.length, "conflict"), "bad", "warning");
  if (data.pending.files_changed) return badge("Changed in file", "info", "down");
  if (data.drift) return badge(`${plural(data.drift, "field")} changed here`, "warn", "edit");
  return badge("In sync", "good", "check");
}

/** Why the files could not be used, with the place of each fault. What was live before stays live. */
function invalid(sync) {
  return html`<div class="strip" data-tone="bad" role="alert">
    ${icon("error")}<span
      ><strong>The files could not be used</strong> ${timeAgo(sync.at)}; the last good state is served.
      <span class="sub">${sync.message}</span>${sync.faults.map(faultLine)}</span
    >
  </div>`;
}

const faultLine = ({ file, line, column, path, message }) =>
  html`<span class="sub"><code>${file}:${line}:${column}</code> ${path} ${message}</span>`;
