// Models: what clients may call, who serves it and what it costs; edited here and in models.yaml alike.

import { get, withQuery } from "../api.js";
import { pageHead, tabs } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, show, skeletonRows } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { toast } from "../components/toast.js";
import { Documents } from "../documents/all.js";
import { Deleted } from "../documents/deleted.js";
import { OpenDocument } from "../documents/open.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { countViews, filterModels, isUnpriced, readFilters, sortModels, usageOf } from "./models/filters.js";
import { modelTable } from "./models/list.js";
import { openModel } from "./models/drawer.js";
import { openNewModel } from "./models/new-model.js";
import { noModels, noneShown } from "./models/none.js";
import { PriceGrid, editByKey } from "./models/price-grid.js";
import { switchFor } from "./models/switch.js";
import { clearButton, toolbar } from "./models/toolbar.js";
import { Writing } from "./models/writing.js";

const USAGE = withQuery("/api/admin/stats/top", { by: "model", metric: "requests", limit: 100 });
const LEAD = "What clients may call and what it costs. Prices are US dollars per 1M tokens.";

export default function models(context) {
  const { query, signal, router, draw } = context;
  const redraw = () => draw(page());
  const list = new Documents(context, "model", redraw);
  const providers = new Documents(context, "provider", redraw);
  const usage = new Resource(context, (inner) => get(USAGE, { signal: inner }), redraw);
  const reload = () => Promise.all([list, providers, usage, deleted].map((one) => one.load()));
  const deleted = new Deleted(context, "model", redraw, reload);
  const set = (changes, options) => router.setQuery(changes, options);

  const writing = new Writing(list);
  // What was just priced stays in the view that it no longer belongs to, until another one is opened.
  const lingering = { view: null, keys: new Set() };
  const grid = new PriceGrid({
    draw: redraw,
    rowOf: (key) => list.rowOf(key),
    save: (row, pricing) => {
      lingering.keys.add(row.key);
      return writing.prices(row, pricing);
    },
  });

  const drawer = new OpenDocument({
    router,
    query,
    rows: () => shown(),
    make: (options) =>
      openModel({
        ...options,
        signal,
        query,
        providers: () => providers.data ?? [],
        onsaved: (row) => list.put(row),
        onremoved: reload,
      }),
  });

  const add = () =>
    openNewModel({
      providers: providers.data ?? [],
      signal,
      done: (row) => {
        list.put(row);
        const waits = isUnpriced(row);
        if (waits) toast(`${row.key} is there, and is served once it has a price.`, { tone: "info" });
        else toast(`${row.key} is there${row.served ? " and served" : ""}.`);
        const unfiltered = { view: "unpriced", q: null, provider: null, status: null, state: null };
        set({ ...(waits ? unfiltered : {}), open: row.key, tab: waits ? "prices" : "details" });
      },
    });

  const usageFor = () => usageOf(usage.data?.data ?? []);
  const shown = () => {
    const filters = readFilters(query());
    const narrowed = filterModels(list.data ?? [], { ...filters, view: null });
    const inView = new Set(filterModels(narrowed, filters));
    const rows = narrowed.filter((row) => inView.has(row) || lingering.keys.has(row.key));
    return sortModels(rows, filters.sort, usageFor());
  };

  const page = () => {
    const actions = html`${freshness({ isLoading: list.isLoading, loadedAt: list.loadedAt, load: reload })}
      <button type="button" class="button" data-kind="primary" @click=${add}>${icon("plus")}New model</button>`;
    return html`${pageHead("Models", { lead: LEAD, actions })}${show(list, {
      skeleton: skeletonRows(10),
      isEmpty: (rows) => !rows.length,
      empty: noModels({ hasProvider: Boolean(providers.data?.length), add }),
      data: view,
    })}`;
  };

  const view = (all) => {
    const filters = readFilters(query());
    const rows = shown();
    const keys = (providers.data ?? []).map(({ key }) => key);
    const gone = filters.view === "drift" ? deleted.view() : [];
    const isPart = rows.length > 0 && rows.length < all.length;
    return html`${views(all, filters)} ${toolbar(filters, keys, set)}${gone}
    ${
      rows.length
        ? listed(rows, filters)
        : noneShown(filters, {
            total: all.length,
            hasOthers: gone.length > 0,
            conflicts: countViews(all).conflict,
            clear: clearButton(set),
          })
    }
    ${when(isPart, () => html`<p class="quiet">${rows.length} of ${plural(all.length, "model")}</p>`)}`;
  };

  const hrefOf = (changes) =>
    withQuery("/ui/models", { ...Object.fromEntries(query()), open: null, tab: null, ...changes });
  const views = (all, { view: chosen }) => {
    const counts = countViews(all);
    const items = [
      { name: "all", text: "All", count: all.length },
      { name: "unpriced", text: "Needs price", count: counts.unpriced },
      { name: "conflict", text: "Conflicts", count: counts.conflict },
      { name: "drift", text: "Drift", count: counts.drift + deleted.rows.length },
    ].filter(({ name, count: number }) => name !== "conflict" || number || chosen === name);
    return tabs("Views", items, chosen ?? "all", (name) => hrefOf({ view: name === "all" ? null : name }));
  };

  const listed = (rows, { sort: sorted }) =>
    modelTable(rows, {
      grid,
      sorted,
      usage: usageFor(),
      switchOf: (row) => switchFor(row, (isOn) => writing.enable(row, isOn)),
      onsort: (name) => set({ sort: sorted.name === name && !sorted.down ? `-${name}` : name }),
      open: (row) => set({ open: row.key }),
      hrefOf: (row) => hrefOf({ open: row.key }),
      makeFree: (row) => writing.free(row),
    });

  editByKey(grid, signal);
  reload();
  drawer.follow();
  refreshing(signal, reload);
  return {
    onquery: () => {
      if (lingering.view !== query().get("view"))
        Object.assign(lingering, { view: query().get("view"), keys: new Set() });
      redraw();
      drawer.follow();
    },
    holds: (leave) => drawer.holds(leave),
  };
}
