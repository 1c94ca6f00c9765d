// The file and what is live: what differs, what both changed, what an apply would do, and how it came to be.

import { get } from "../api.js";
import { badge, pageHead, tabs, timeAgo } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, show } from "../components/resource.js";
import { freshness } from "../components/time-range.js";
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

export default function registry(context) {
  const { query, draw } = context;
  const status = new Resource(
    context,
    (signal) => get("/api/admin/registry/status", { signal }),
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
    made[wanted] ??= TABS[wanted]({
      ...context,
      redraw,
      status,
      changed: () => Promise.all([status.load(), reload()]),
    });
    made[wanted].load();
    redraw();
  };
  const reload = () => made[current]?.load();

  const view = () =>
    html`${pageHead("File and live", {
      lead: "models.yaml is version-controlled, the page edits live. Neither overwrites the other in silence.",
      actions: freshness({
        ...status,
        loadedAt: status.loadedAt,
        isLoading: status.isLoading,
        load: () => Promise.all([status.load(), reload()]),
      }),
    })}${show(status, {
      data: (data) =>
        html`${summary(data)} ${tabs("Registry", items(data), name(), (one) => `/ui/registry?tab=${one}`)}
        ${current ? made[current].view() : ""}`,
    })}`;

  status.load().then(enter);
  return {
    onquery: () => {
      current = null;
      enter();
    },
  };
}

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
  const [source] = data.sources;
  return html`<section class="panel registry-summary" aria-label="State">
    <div class="toolbar">
      ${verdict(data)}<span class="quiet">Revision ${data.revision}</span>
      <span class="quiet"
        >${source ? html`file applied ${timeAgo(source.applied_at)}${source.rev ? html` · <code>${source.rev.slice(0, 12)}</code>` : ""}${source.author ? ` · ${source.author}` : ""}` : "no file was ever applied"}</span
      >
    </div>
    <p class="quiet">${MODES[data.mode] ?? data.mode}</p>
    ${when(data.sync && !data.sync.ok, () => invalid(data.sync))}
    ${when(
      data.pending.files_changed,
      () =>
        html`<p class="strip" data-tone="info">
          ${icon("file")}<span>The files are others than those that were applied last.</span>
          <a class="button" href="/ui/registry?tab=plan">See the plan</a>
        </p>`,
    )}
    ${when(
      data.missing_secrets.length,
      () =>
        html`<div class="strip" data-tone="warn">
          ${icon("key")}<span
            >${plural(data.missing_secrets.length, "key is", "keys are")} not to be had:
            ${data.missing_secrets.map((one) => html`<span class="sub"><code>${one.reference}</code> of ${one.entity}: ${one.reason}</span>`)}</span
          >
        </div>`,
    )}
  </section>`;
}

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
      <span class="sub">${sync.message}</span>
      ${sync.faults.map((fault) => html`<span class="sub"><code>${fault.file}:${fault.line}:${fault.column}</code> ${fault.path} ${fault.message}</span>`)}</span
    >
  </div>`;
}
