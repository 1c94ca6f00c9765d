// Providers: who is called, at which address, with which key.

import { ApiError, get, post, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, emptyState, show, skeletonRows } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { toast } from "../components/toast.js";
import { Documents } from "../documents/all.js";
import { Deleted } from "../documents/deleted.js";
import { OpenDocument } from "../documents/open.js";
import { documentPath } from "../documents/writes.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { upstreamsOf } from "./models/filters.js";
import { openProvider } from "./providers/drawer.js";
import { providerTable } from "./providers/list.js";
import { openNewProvider } from "./providers/new-provider.js";

const LEAD = "Who is called, at which address, with which key. Keys are encrypted and never shown again.";
const WORTH_FILTERING = 5;

export default function providers(context) {
  const { query, signal, router, draw } = context;
  const redraw = () => draw(page());
  const list = new Documents(context, "provider", redraw);
  const models = new Documents(context, "model", redraw);
  const status = new Resource(context, (inner) => get("/api/admin/registry/status", { signal: inner }), redraw);
  const reload = () => Promise.all([list, models, status, deleted].map((one) => one.load()));
  const deleted = new Deleted(context, "provider", redraw, reload);
  const tests = new Map();

  const modelsOf = (key) =>
    (models.data ?? []).filter((model) => upstreamsOf(model).some(({ provider }) => provider === key));
  const missingOf = (key) => (status.data?.missing_secrets ?? []).find(({ entity }) => entity === `provider/${key}`);

  const drawer = new OpenDocument({
    router,
    query,
    rows: () => shown(),
    make: (options) =>
      openProvider({
        ...options,
        signal,
        query,
        modelsOf,
        missingOf,
        onsaved: (row) => list.put(row),
        onremoved: reload,
      }),
  });

  const add = () =>
    openNewProvider({
      signal,
      done: (row) => {
        list.put(row);
        toast(`${row.key} is there. Test it, then add a model that it serves.`);
        router.setQuery({ open: row.key, tab: null, new: null });
      },
      onclose: () => query().get("new") && router.setQuery({ new: null }),
    });

  const shown = () => {
    const wanted = (query().get("q") ?? "").trim().toLowerCase();
    const words = (row) => `${row.key} ${row.api_url} ${row.api_format}`.toLowerCase();
    return (list.data ?? []).filter((row) => words(row).includes(wanted));
  };

  const test = async (row) => {
    tests.set(row.key, { isBusy: true });
    redraw();
    try {
      const { data } = await post(`${documentPath("provider", row.key)}/test`, {});
      tests.set(row.key, data[0] ?? null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tests.set(row.key, { ok: false, message: error.message });
    }
    redraw();
  };

  const addButton = () =>
    html`<button type="button" class="button" data-kind="primary" @click=${add}>${icon("plus")}New provider</button>`;
  const page = () => {
    const fresh = freshness({ isLoading: list.isLoading, loadedAt: list.loadedAt, load: reload });
    return html`${pageHead("Providers", { lead: LEAD, actions: html`${fresh} ${addButton()}` })}
    ${deleted.view()}${show(list, {
      skeleton: skeletonRows(6),
      isEmpty: (rows) => !rows.length,
      data: view,
      empty: none(addButton()),
    })}`;
  };

  const view = (all) => {
    const rows = shown();
    return html`${when(all.length > WORTH_FILTERING, filter)}
    ${
      rows.length
        ? providerTable(rows, {
            open: (row) => router.setQuery({ open: row.key }),
            hrefOf: (row) => withQuery("/ui/providers", { ...Object.fromEntries(query()), open: row.key }),
            modelsOf,
            missingOf,
            resultOf: (key) => tests.get(key),
            test,
          })
        : noMatch(all.length)
    }`;
  };

  const filter = () =>
    html`<div class="toolbar" role="search">
      <input
        data-filter
        type="search"
        placeholder="Filter by name or address"
        aria-label="Filter providers"
        .value=${query().get("q") ?? ""}
        @input=${(event) => router.setQuery({ q: event.target.value }, { replace: true })} />
    </div>`;
  const noMatch = (total) =>
    emptyState({
      title: `0 of ${plural(total, "provider")} match`,
      iconName: "search",
      action: html`<button type="button" class="button" @click=${() => router.setQuery({ q: null })}>
        Clear the filter
      </button>`,
    });

  reload();
  drawer.follow();
  if (query().get("new")) add();
  refreshing(signal, reload);
  return {
    onquery: () => {
      redraw();
      drawer.follow();
    },
    holds: (leave) => drawer.holds(leave),
  };
}

const none = (addButton) =>
  emptyState({
    title: "No providers yet",
    iconName: "plug",
    text: "A provider is an address that speaks a format, such as OpenAI's, and the key that it takes.",
    action: html`${addButton}<a class="button" href="/ui/registry?tab=plan">${icon("branch")}Read models.yaml</a>`,
  });
