// The requests of everyone, or of one user: a histogram, the table, its sums and its file, all of the same filters.

import { ApiError, download, get, withQuery } from "../../api.js";
import { pageHead } from "../../components/bits.js";
import { chart, spanOf } from "../../components/chart.js";
import { ListResource, pager, Resource, show as states, skeletonRows } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { freshness, refreshing, shareLink, timeRange } from "../../components/time-range.js";
import { toast } from "../../components/toast.js";
import { compact, outcomeText } from "../../format.js";
import { html, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { customRange } from "../../range.js";
import { fileName, readAsked } from "./asked.js";
import { outcomeColour } from "./colours.js";
import { requestColumns, rowTone, totalCells } from "./columns.js";
import { RequestDrawer } from "./drawer.js";
import { emptyLog } from "./empty.js";
import { FilterBar } from "./filter-bar.js";
import { isFiltered, OUTCOMES, requestsOf } from "./filters.js";
import { RequestFinder } from "./finder.js";
import { LiveRequests } from "./live.js";
import { toolbar } from "./toolbar.js";

/** How long sums and bars may be behind the rows that come by themselves. */
const BEHIND_MS = 3000;

/** `source`: `{api, page, isAdmin, title, lead}`; only an admin can watch live. */
export function requestLog({ query, signal, router, draw }, source) {
  let asked = null;
  let live = null;
  let following;
  let isExporting = false;

  const ask =
    (path, more) =>
    ({ signal: inner } = {}) =>
      get(withQuery(`${source.api}${path}`, { ...asked.params, ...more?.() }), { signal: inner });
  const histogram = new Resource(
    { signal },
    (inner) =>
      ask("/stats/timeseries", () => ({
        metric: "requests",
        group_by: "outcome",
        top: OUTCOMES.length,
        tz: preferences.zone,
      }))({ signal: inner }),
    () => show(),
  );
  const totals = new Resource(
    { signal },
    (inner) => ask("/usage/totals")({ signal: inner }),
    () => show(),
  );
  /** How many there are without the filters: only asked where these hide everything. */
  const unfiltered = new Resource(
    { signal },
    (inner) =>
      get(withQuery(`${source.api}/usage/totals`, { from: asked.range.from, to: asked.range.to }), { signal: inner }),
    () => show(),
  );
  const list = new ListResource(
    { signal },
    ({ cursor, signal: inner }) => ask("/usage", () => ({ cursor }))({ signal: inner }),
    () => show(),
  );

  const rows = () => (live ? live.rows : list.rows);
  const nameOf = (name, value) => {
    const row = rows().find((one) => String(one[name]) === value);
    return { user_id: row?.user_name, key_id: row?.key_name }[name] ?? null;
  };
  const finder = new RequestFinder({ router, source, draw: () => show() });
  const bar = new FilterBar({ router, isAdmin: source.isAdmin, names: nameOf, draw: () => show() });
  const drawer = new RequestDrawer({ router, signal, source, rows: () => rows().filter(isSettled) });

  const read = () => readAsked(query(), { isAdmin: source.isAdmin, now: Date.now(), zone: preferences.zone });
  const loadSums = () => {
    histogram.load();
    totals.load();
  };
  /** The rows come by themselves; bars and sums follow, and the range goes on with the clock. */
  const catchUp = () => {
    following = clearTimeout(following);
    if (!live) return;
    asked = read();
    loadSums();
  };
  const follow = () => {
    following ??= setTimeout(catchUp, BEHIND_MS);
  };
  const load = () => {
    live?.stop();
    live = null;
    asked = read();
    loadSums();
    if (asked.isLive)
      live = new LiveRequests({
        filters: asked.filters,
        load: () => list.load(),
        draw: () => show(),
        place: () => document.getElementById("requests"),
        heard: follow,
        signal,
      });
    else loadList();
  };
  const loadList = async () => {
    const first = await list.load();
    if (first && !first.data.length && isFiltered(asked.filters)) unfiltered.load({ keep: false });
  };
  const hear = () => {
    if (read().key !== asked.key) load();
    show();
    drawer.follow(query().get("open"));
  };

  const exportRows = async () => {
    isExporting = true;
    show();
    try {
      await download(withQuery(`${source.api}/usage.csv`, asked.params), fileName(asked.range, preferences.zone));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`The file could not be made: ${error.message}`, { tone: "bad" });
    }
    isExporting = false;
    show();
  };

  // --- the parts of the page ---

  const bars = (data) =>
    chart({
      title: "Requests by outcome",
      kind: "bars",
      data: named(data),
      format: compact,
      colour: outcomeColour,
      height: 150,
      hrefOf: (bucket, series) =>
        requestsOf(source.page, asked.filters, {
          ...(bucket === null ? rangeQuery() : spanOf(data, bucket, bucket, asked.range)),
          ...(series?.key ? { outcome: series.key } : {}),
        }),
      onzoom: (first, last) => {
        const span = spanOf(data, first, last, asked.range);
        router.setQuery({ ...customRange(span.from, span.to), live: null });
      },
    });
  const rangeQuery = () =>
    asked.range.name === "custom" ? { from: asked.range.from, to: asked.range.to } : { range: asked.range.name };

  const turnLive = () => router.setQuery(asked.isLive ? { live: null } : { live: "1", from: null, to: null });
  const tools = () =>
    toolbar({
      totals: totals.data,
      live,
      isExporting,
      onexport: exportRows,
      onlive: source.isAdmin ? turnLive : null,
    });

  const opened = (row) =>
    withQuery(source.page, {
      ...Object.fromEntries([...query().keys()].map((name) => [name, query().getAll(name)])),
      open: row.request_id,
    });
  const rowsTable = () =>
    html`${when(live, () => live.notes())}${table({
      caption: "Requests",
      columns: requestColumns(source),
      rows: rows(),
      keyOf: (row) => row.request_id,
      rowTone,
      hrefOf: (row) => (isSettled(row) ? opened(row) : null),
      open: (row) => isSettled(row) && router.setQuery({ open: row.request_id }),
      total: live || !totals.data ? null : totalCells(totals.data),
    })}
    ${live ? "" : pager(list, "request")}`;

  const isNothing = () => !rows().length && !live;
  const isWaiting = () => html`<p class="quiet">Waiting for the first request.</p>`;
  const nothing = () => emptyLog({ ...asked, router, connect: source.connect, unfiltered: unfiltered.data?.requests });

  const fresh = () => freshness({ loadedAt: (live ? totals : list).loadedAt, isLoading: list.isLoading, load });
  const show = () =>
    draw(
      html`${pageHead(source.title, {
          lead: source.lead,
          actions: html`${timeRange(asked.range, (changes) => router.setQuery({ ...changes, live: null }))}
          ${shareLink(asked.range)}${fresh()}`,
        })}
        <div class="log-tools">${finder.field()}${bar.panel(asked.filters)}</div>
        ${bar.active(asked.filters)}
        <section class="panel">${states(histogram, { data: bars, skeleton: skeletonRows(6) })}</section>
        <section class="stack requests">
          ${tools()}
          ${states(list, { data: rowsTable, isEmpty: isNothing, empty: nothing(), skeleton: skeletonRows(10) })}
          ${when(live && list.data && !live.rows.length, isWaiting)}
        </section>`,
    );

  preferences.addEventListener("change", hear, { signal });
  refreshing(signal, catchUp);
  signal.addEventListener("abort", () => clearTimeout(following));
  load();
  show();
  drawer.follow(query().get("open"));
  return { onquery: hear };
}

const isSettled = (row) => !row.state || row.state === "settled";

/** Outcomes in words. */
const named = (data) => ({
  ...data,
  series: data.series.map((one) => ({ ...one, name: one.key === null ? one.name : outcomeText(one.key) })),
});
