// The file and what is live: what differs, what both changed, what an apply would do, and how it came to be.

import { get, post } from "../api.js";
import { pageHead, tabs } from "../components/bits.js";
import { Resource, show } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { html } from "../html.js";
import { conflictsTab } from "./registry/conflicts.js";
import { driftTab } from "./registry/drift.js";
import { historyTab } from "./registry/history.js";
import { holdsTab } from "./registry/holds.js";
import { planTab } from "./registry/plan.js";
import { summary } from "./registry/summary.js";

const TABS = { conflicts: conflictsTab, drift: driftTab, plan: planTab, history: historyTab, holds: holdsTab };
const LEAD = "models.yaml is version-controlled, the page edits live. Neither overwrites the other in silence.";

export default function registry(context) {
  const { query, signal, draw } = context;
  const status = new Resource(context, readStatus, () => redraw());
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

/** What is in force; and what is wrong with the server's own files, where they are others than those applied last. */
async function readStatus(signal) {
  const status = await get("/api/admin/registry/status", { signal });
  const checked = status.pending.files_changed ? await post("/api/admin/registry/validate", {}, { signal }) : null;
  return { ...status, faults: checked?.faults.filter(({ severity }) => severity === "error") ?? [] };
}

const standing = (data) =>
  JSON.stringify([data?.state_digest, data?.revision, data?.pending, data?.sync?.at, data?.faults]);

function items({ conflicts, drift, holds }) {
  return [
    { name: "conflicts", text: "Conflicts", count: conflicts.length },
    { name: "drift", text: "Changed here", count: drift },
    { name: "plan", text: "Plan and apply" },
    { name: "history", text: "History" },
    { name: "holds", text: "Holds", count: holds.length },
  ];
}
