// Models: what clients may call, who serves it and what it costs; edited here and in models.yaml alike.

import { ApiError, get, post, withQuery } from "../api.js";
import { pageHead, tabs } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, emptyState, show, skeletonRows } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { toast } from "../components/toast.js";
import { listAll } from "../documents/all.js";
import { STATES } from "../documents/words.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { preferences } from "../preferences.js";
import {
  countViews,
  filterModels,
  isFiltered,
  isUnpriced,
  readFilters,
  sortModels,
  usageOf,
} from "./models/filters.js";
import { modelTable } from "./models/list.js";
import { openModel } from "./models/drawer.js";
import { openNewModel } from "./models/new-model.js";
import { PriceGrid } from "./models/price-grid.js";
import { switchFor } from "./models/switch.js";
import { Writing } from "./models/writing.js";

const STATUS = [
  ["", "Any status"],
  ["served", "Served"],
  ["refused", "Not served"],
  ["disabled", "Disabled"],
];

export default function models(context) {
  const { query, signal, router, draw } = context;
  const list = new Resource(
    context,
    (inner) => listAll("/api/admin/models", inner),
    () => redraw(),
  );
  const providers = new Resource(
    context,
    (inner) => listAll("/api/admin/providers", inner),
    () => redraw(),
  );
  const usage = new Resource(
    context,
    (inner) =>
      get(withQuery("/api/admin/stats/top", { by: "model", metric: "requests", limit: 100 }), { signal: inner }),
    () => redraw(),
  );
  const drift = new Resource(
    context,
    (inner) => get("/api/admin/registry/drift", { signal: inner }),
    () => redraw(),
  );
  let drawer = null;

  const rowOf = (key) => list.data?.find((row) => row.key === key);
  const putRow = (row) => {
    if (!list.data) return;
    const isKnown = rowOf(row.key) !== undefined;
    list.set(isKnown ? list.data.map((one) => (one.key === row.key ? row : one)) : [...list.data, row]);
  };
  const writing = new Writing(putRow);
  // What was just priced stays in the view that it no longer belongs to, until another one is opened.
  const lingering = { view: null, keys: new Set() };
  const grid = new PriceGrid({
    draw: () => redraw(),
    save: (row, pricing) => {
      lingering.keys.add(row.key);
      return writing.prices(row, pricing);
    },
  });
  grid.rowOf = rowOf;

  // --- the drawer, as the address says ---------------------------------------------------------------

  const syncDrawer = () => {
    const key = query().get("open");
    if (drawer?.key === key) return drawer?.draw();
    if (
      drawer?.holds(
        () => router.setQuery({ open: drawer.key }),
        () => router.setQuery({ open: key, tab: null }),
      )
    )
      return undefined;
    drawer?.close();
    drawer = key
      ? openModel({
          key,
          signal,
          router,
          query,
          providers: () => providers.data ?? [],
          onsaved: putRow,
          onremoved: reload,
          onstep: (by) => step(by),
          onclose: () => {
            if (drawer?.key !== key) return;
            drawer = null;
            if (query().get("open") === key) router.setQuery({ open: null, tab: null });
          },
        })
      : null;
    return undefined;
  };
  const step = (by) => {
    const rows = shown();
    const at = rows.findIndex(({ key }) => key === drawer?.key) + by;
    if (rows[at]) router.setQuery({ open: rows[at].key }, { replace: true });
  };

  // --- the list --------------------------------------------------------------------------------------

  const usageFor = () => usageOf(usage.data?.data ?? []);
  const shown = () => {
    const filters = readFilters(query());
    const narrowed = filterModels(list.data ?? [], { ...filters, view: null });
    const inView = new Set(filterModels(narrowed, filters));
    return sortModels(
      narrowed.filter((row) => inView.has(row) || lingering.keys.has(row.key)),
      filters.sort,
      usageFor(),
    );
  };
  const reload = () => Promise.all([list.load(), providers.load(), usage.load(), drift.load()]);
  const add = () =>
    openNewModel({
      providers: providers.data ?? [],
      signal,
      done: (row) => {
        putRow(row);
        if (isUnpriced(row)) {
          toast(`${row.key} is there, and is served once it has a price.`, { tone: "info" });
          router.setQuery({
            view: "unpriced",
            open: row.key,
            tab: "prices",
            q: null,
            provider: null,
            status: null,
            state: null,
          });
        } else {
          toast(`${row.key} is there${row.served ? " and served" : ""}.`);
          router.setQuery({ open: row.key, tab: "details" });
        }
      },
    });
  const sort = (name) => {
    const { sort: now } = readFilters(query());
    router.setQuery({ sort: now.name === name && !now.down ? `-${name}` : name });
  };

  const redraw = () =>
    draw(
      html`${pageHead("Models", {
        lead: "What clients may call and what it costs. Prices are US dollars per 1M tokens.",
        actions: html`${freshness({ ...list, isLoading: list.isLoading, loadedAt: list.loadedAt, load: reload })}
          <button type="button" class="button" data-kind="primary" @click=${add}>${icon("plus")}New model</button>`,
      })}${show(list, { skeleton: skeletonRows(10), isEmpty: (rows) => !rows.length, empty: nothing(), data: view })}`,
    );

  const nothing = () => {
    const hasProvider = (providers.data?.length ?? 0) > 0;
    return emptyState({
      title: "No models yet",
      iconName: "cube",
      text: hasProvider
        ? "A model is what clients call: a name, a provider that serves it, and a price."
        : "Start with a provider: who is called, and with which key. Then say which of its models clients may use.",
      action: html`${
          hasProvider
            ? html`<button type="button" class="button" data-kind="primary" @click=${add}>
                ${icon("plus")}New model
              </button>`
            : html`<a class="button" data-kind="primary" href="/ui/providers?new=1">${icon("plus")}Add a provider</a>`
        } <a class="button" href="/ui/registry?tab=plan">${icon("branch")}Read models.yaml</a>`,
    });
  };

  const view = (all) => {
    const filters = readFilters(query());
    const rows = shown();
    const counts = countViews(all);
    const gone = filters.view === "drift" ? deleted() : [];
    const hrefOf = (changes) =>
      withQuery("/ui/models", { ...Object.fromEntries(query()), open: null, tab: null, ...changes });
    return html`${tabs(
      "Views",
      [
        { name: "all", text: "All", count: all.length },
        { name: "unpriced", text: "Needs price", count: counts.unpriced },
        { name: "drift", text: "Drift", count: counts.drift + deleted().length },
      ],
      filters.view ?? "all",
      (name) => hrefOf({ view: name === "all" ? null : name }),
    )}
    ${toolbar(filters)}${gone.map(deletedStrip)}
    ${
      rows.length
        ? modelTable(rows, {
            grid,
            usage: usageFor(),
            switchOf: (row) => switchFor(row, (isOn) => writing.enable(row, isOn)),
            sorted: filters.sort,
            onsort: sort,
            open: (row) => router.setQuery({ open: row.key }),
            hrefOf: (row) => hrefOf({ open: row.key }),
            makeFree: (row) => writing.free(row),
          })
        : none(filters, all.length, gone.length)
    }
    ${when(rows.length && rows.length < all.length, () => html`<p class="quiet">${rows.length} of ${plural(all.length, "model")}</p>`)}`;
  };

  const toolbar = ({ q, provider, status, state }) => {
    const choose = (name) => (event) => router.setQuery({ [name]: event.target.value });
    const options = (pairs, chosen) =>
      pairs.map(([name, text]) => html`<option value=${name} .selected=${name === (chosen ?? "")}>${text}</option>`);
    return html`<div class="toolbar" role="search">
      <input
        data-filter
        type="search"
        placeholder="Filter by name, provider, tag"
        aria-label="Filter models"
        .value=${q}
        @input=${(event) => router.setQuery({ q: event.target.value }, { replace: true })} />
      <select aria-label="Provider" @change=${choose("provider")}>
        ${options([["", "Any provider"], ...(providers.data ?? []).map(({ key }) => [key, key])], provider)}
      </select>
      <select aria-label="Status" @change=${choose("status")}>
        ${options(STATUS, status)}
      </select>
      <select aria-label="File" @change=${choose("state")}>
        ${options(
          [
            ["", "File: any"],
            ...Object.entries(STATES)
              .filter(([name]) => name !== "deleted")
              .map(([name, { text }]) => [name, text]),
          ],
          state,
        )}
      </select>
      ${when(isFiltered({ q, provider, status, state }), () => html`<button type="button" class="button" data-kind="quiet" @click=${clear}>Clear filters</button>`)}
    </div>`;
  };
  const clear = () => router.setQuery({ q: null, provider: null, status: null, state: null });

  const none = (filters, total, gone) => {
    if (isFiltered(filters))
      return emptyState({
        title: `0 of ${plural(total, "model")} match`,
        iconName: "search",
        action: html`<button type="button" class="button" @click=${clear}>Clear filters</button>`,
      });
    if (filters.view === "unpriced")
      return emptyState({
        title: "Every model has a price",
        iconName: "check",
        text: "A model without one would wait here; it is neither served nor listed until then.",
      });
    return gone
      ? ""
      : emptyState({
          title: "Nothing differs from the file",
          iconName: "check",
          text: "What was edited here and not in models.yaml would stand here.",
        });
  };

  /** What was deleted live while the file declares it is in no list: it stands over the drift. */
  const deleted = () => (drift.data?.drift ?? []).filter((one) => one.is_deleted && one.entity.startsWith("model/"));
  const deletedStrip = ({ entity, location, actor }) => {
    const key = entity.slice("model/".length);
    const restore = async () => {
      try {
        await post(`/api/admin/registry/models/${encodeURIComponent(key)}/revert`, {});
        toast(`${key} is back, as the file says it.`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        toast(error.message, { tone: "bad" });
      }
      await reload();
    };
    return html`<p class="strip" data-tone="warn">
      ${icon("trash")}<span
        ><strong>${key}</strong> was deleted here${actor ? ` by ${actor.replace(/^admin:/, "")}` : ""}, and the file
        still declares it (<code>${location}</code>).</span
      >
      <button type="button" class="button" @click=${restore}>${icon("undo")}Bring it back</button>
    </p>`;
  };

  // `e` edits the price that has the focus, or the first one of the row that has it.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "e" || event.ctrlKey || event.metaKey || event.altKey || !preferences.hasShortcuts) return;
      if (event.target.closest?.("input, textarea, select, dialog")) return;
      const row = rowOf(event.target.closest?.("tr[data-key]")?.dataset.key);
      if (!row) return;
      event.preventDefault();
      grid.start(row, event.target.dataset.price?.split("/").at(-1) ?? "input");
    },
    { signal },
  );

  reload();
  syncDrawer();
  refreshing(signal, reload);
  return {
    onquery: () => {
      if (lingering.view !== query().get("view"))
        Object.assign(lingering, { view: query().get("view"), keys: new Set() });
      redraw();
      syncDrawer();
    },
  };
}
