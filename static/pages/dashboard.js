// How it goes: what waits for somebody first, then the figures, the charts and who and what used most.

import { get, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { chart, spanOf } from "../components/chart.js";
import { Resource, show as states, skeletonRows } from "../components/resource.js";
import { freshness, refreshing, shareLink, timeRange } from "../components/time-range.js";
import { compact, duration, money, outcomeText } from "../format.js";
import { html, when } from "../html.js";
import { preferences } from "../preferences.js";
import { readRange } from "../range.js";
import { attention, checklist, ranking } from "./dashboard/parts.js";
import { tiles } from "./dashboard/tiles.js";
import { firstSteps, ownedName } from "./dashboard/words.js";
import { outcomeColour } from "./requests/colours.js";
import { OUTCOMES, requestsOf } from "./requests/filters.js";

const INTERVALS = [
  ["", "Auto"],
  ["hour", "By hour"],
  ["day", "By day"],
  ["week", "By week"],
  ["month", "By month"],
];
const GROUPS = {
  model: ["Spend by model", "model"],
  user: ["Spend by user", "user_id"],
  key: ["Spend by key", "key_id"],
};
const RANKED = 5;
const CHECK_MS = 4000;

export default function dashboard({ query, signal, router, draw }) {
  let asked = null;
  const read = () => ({
    range: readRange(query(), Date.now(), "24h", preferences.zone),
    interval: INTERVALS.some(([name]) => name === query().get("interval")) ? query().get("interval") : "",
    group: query().get("group") in GROUPS ? query().get("group") : "model",
  });
  const span = () => ({ from: asked.range.from, to: asked.range.to });
  const part = (path, more = () => ({})) =>
    new Resource(
      { signal },
      (inner) => get(withQuery(`/api/admin/${path}`, { ...span(), ...more() }), { signal: inner }),
      () => show(),
    );
  const series = (more) =>
    part("stats/timeseries", () => ({ interval: asked.interval || "auto", tz: preferences.zone, ...more() }));
  const top = (by) => part("stats/top", () => ({ by, metric: "cost", limit: RANKED }));

  const waiting = new Resource(
    { signal },
    (inner) => get("/api/admin/attention", { signal: inner }),
    () => show(),
  );
  const summary = part("stats/summary");
  const cost = series(() => ({ metric: "cost", group_by: asked.group }));
  const outcomes = series(() => ({ metric: "requests", group_by: "outcome", top: OUTCOMES.length }));
  const tokens = series(() => ({ metric: "tokens", group_by: "none" }));
  const waits = series(() => ({ metric: "first_byte_ms" }));
  const tops = { user: top("user"), model: top("model"), key: top("key") };
  const steps = new Resource({ signal }, readSteps, () => show());

  const load = () => {
    asked = read();
    for (const one of [waiting, summary, cost, outcomes, tokens, waits, ...Object.values(tops)]) one.load();
  };

  /** Whether anything was ever asked is only looked up where nothing was asked of late. */
  const isQuiet = () => summary.data !== undefined && !summary.data.current.requests && !summary.data.previous.requests;
  const isNew = () => isQuiet() && steps.data !== undefined && steps.data.some(({ isDone }) => !isDone);
  const check = () => isQuiet() && document.visibilityState === "visible" && steps.load();

  // --- where figures lead ---

  const rangeQuery = () => (asked.range.name === "custom" ? span() : { range: asked.range.name });
  const requests = (changes) => requestsOf("/ui/requests", rangeQuery(), changes);
  const within = (data, bucket) => (bucket === null ? rangeQuery() : spanOf(data, bucket, bucket, asked.range));
  const leads = (data, name) => (bucket, one) => {
    if (one && one.key === null && one.name === "Other")
      return bucket === null ? null : requestsOf("/ui/requests", within(data, bucket), {});
    return requestsOf("/ui/requests", within(data, bucket), one && name ? { [name]: one.key } : {});
  };

  // --- the parts ---

  const intervalOption = ([name, text]) =>
    html`<option value=${name} ?selected=${name === asked.interval}>${text}</option>`;
  const controls = () =>
    html`${timeRange(asked.range, (changes) => router.setQuery(changes))}
      <label
        ><span class="visually-hidden">Granularity</span
        ><select class="small" @change=${(event) => router.setQuery({ interval: event.target.value })}>
          ${INTERVALS.map(intervalOption)}
        </select></label
      >
      ${shareLink(asked.range)}${freshness({ loadedAt: summary.loadedAt, isLoading: summary.isLoading, load })}`;

  const groupChoice = () =>
    html`<div class="segments" role="group" aria-label="Group spend by">
      ${Object.keys(GROUPS).map(
        (name) =>
          html`<button
            type="button"
            aria-pressed=${name === asked.group}
            @click=${() => router.setQuery({ group: name === "model" ? null : name })}>
            ${name.charAt(0).toUpperCase() + name.slice(1)}
          </button>`,
      )}
    </div>`;

  const panel = (resource, describe) =>
    html`<section class="panel">
      ${states(resource, { skeleton: skeletonRows(7), data: (data) => chart({ data, ...describe(data) }) })}
    </section>`;

  const spend = (data) => {
    const [title, name] = GROUPS[data.group_by] ?? GROUPS.model;
    const named = { ...data, series: data.series.map((one) => ({ ...one, name: ownedName(one) })) };
    return { title, controls: groupChoice(), kind: "bars", format: money, hrefOf: leads(data, name), data: named };
  };
  const byOutcome = (data) => ({
    title: "Requests by outcome",
    kind: "bars",
    format: compact,
    colour: outcomeColour,
    data: { ...data, series: data.series.map((one) => ({ ...one, name: one.key ? outcomeText(one.key) : one.name })) },
    hrefOf: leads(data, "outcome"),
  });
  const firstTokens = (data) => ({
    title: "Time to first token",
    kind: "lines",
    format: duration,
    hrefOf: (bucket) => (bucket === null ? null : leads(data)(bucket, null)),
  });
  const charts = () =>
    html`${panel(cost, spend)}
      <div class="columns">${panel(outcomes, byOutcome)}${panel(waits, firstTokens)}</div>`;

  const rankings = () =>
    html`<div class="columns rankings">
      ${rankingOf("Users by spend", tops.user, "user_id", { href: "/ui/users", text: "All users" })}
      ${rankingOf("Models by spend", tops.model, "model", { href: "/ui/models", text: "All models" })}
      ${rankingOf("API keys by spend", tops.key, "key_id", { href: "/ui/keys", text: "All keys" })}
    </div>`;
  const rankingOf = (title, resource, name, all) =>
    states(resource, {
      skeleton: html`<section class="panel">
        <h2>${title}</h2>
        ${skeletonRows(5)}
      </section>`,
      data: (data) => ranking(title, data, { all, hrefOf: ({ key }) => requests({ [name]: key }) }),
    });

  const show = () => {
    if (isQuiet() && steps.data === undefined && !steps.isLoading && !steps.error) steps.load();
    draw(
      html`${pageHead("Dashboard", { actions: controls() })} ${states(waiting, { data: attention, skeleton: "" })}
      ${when(isNew(), () => checklist(steps.data))}
      ${states(summary, {
        skeleton: html`<div class="tiles six">
          ${Array.from({ length: 6 }, () => html`<div class="tile tile-skeleton">${skeletonRows(2)}</div>`)}
        </div>`,
        data: (data) =>
          tiles(data, {
            range: asked.range,
            requests,
            series: { cost: cost.data, outcomes: outcomes.data, tokens: tokens.data, waits: waits.data },
          }),
      })}
      ${isNew() ? "" : html`${charts()}${rankings()}`}`,
    );
  };

  preferences.addEventListener("change", load, { signal });
  refreshing(signal, load);
  const timer = setInterval(() => isNew() && check(), CHECK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  load();
  show();
  return { onquery: load };
}

async function readSteps(signal) {
  const [providers, models, users, usage] = await Promise.all([
    get("/api/admin/providers", { signal }),
    get("/api/admin/models?limit=200", { signal }),
    get("/api/admin/users?limit=50", { signal }),
    get("/api/admin/usage?limit=1", { signal }),
  ]);
  return firstSteps({
    providers: providers.data,
    models: models.data,
    users: users.data,
    hasUsage: usage.data.length > 0,
  });
}
