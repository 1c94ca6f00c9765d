// Providers: who is called, at which address, with which key.

import { ApiError, get, post, withQuery } from "../api.js";
import { badge, pageHead } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, emptyState, show, skeletonRows } from "../components/resource.js";
import { table } from "../components/table.js";
import { freshness, refreshing } from "../components/time-range.js";
import { toast } from "../components/toast.js";
import { listAll } from "../documents/all.js";
import { FORMATS } from "../documents/connection.js";
import { placeText, stateBadge } from "../documents/marks.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { openProvider } from "./providers/drawer.js";
import { openNewProvider } from "./providers/new-provider.js";
import { upstreamsOf } from "./models/filters.js";

const FORMAT_NAMES = Object.fromEntries(FORMATS);

export default function providers(context) {
  const { query, signal, router, draw } = context;
  const list = new Resource(
    context,
    (inner) => listAll("/api/admin/providers", inner),
    () => redraw(),
  );
  const models = new Resource(
    context,
    (inner) => listAll("/api/admin/models", inner),
    () => redraw(),
  );
  const status = new Resource(
    context,
    (inner) => get("/api/admin/registry/status", { signal: inner }),
    () => redraw(),
  );
  const drift = new Resource(
    context,
    (inner) => get("/api/admin/registry/drift", { signal: inner }),
    () => redraw(),
  );
  const tests = new Map();
  let drawer = null;

  const rowOf = (key) => list.data?.find((row) => row.key === key);
  const putRow = (row) =>
    list.data &&
    list.set(rowOf(row.key) ? list.data.map((one) => (one.key === row.key ? row : one)) : [...list.data, row]);
  const modelsOf = (key) =>
    (models.data ?? []).filter((model) => upstreamsOf(model).some(({ provider }) => provider === key));
  const missingOf = (key) => (status.data?.missing_secrets ?? []).find(({ entity }) => entity === `provider/${key}`);
  const reload = () => Promise.all([list.load(), models.load(), status.load(), drift.load()]);

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
      ? openProvider({
          key,
          signal,
          query,
          modelsOf,
          missingOf,
          onsaved: putRow,
          onremoved: reload,
          onstep: step,
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

  const add = () =>
    openNewProvider({
      signal,
      done: (row) => {
        putRow(row);
        toast(`${row.key} is there. Test it, then add a model that it serves.`);
        router.setQuery({ open: row.key, tab: null, new: null });
      },
      onclose: () => query().get("new") && router.setQuery({ new: null }),
    });

  const shown = () => {
    const wanted = (query().get("q") ?? "").trim().toLowerCase();
    return (list.data ?? []).filter(
      (row) => !wanted || `${row.key} ${row.api_url} ${row.api_format}`.toLowerCase().includes(wanted),
    );
  };

  const test = async (row) => {
    tests.set(row.key, { isBusy: true });
    redraw();
    try {
      const { data } = await post(`/api/admin/providers/${encodeURIComponent(row.key)}/test`, {});
      tests.set(row.key, data[0] ?? null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tests.set(row.key, { ok: false, message: error.message });
    }
    redraw();
  };

  const redraw = () =>
    draw(
      html`${pageHead("Providers", {
        lead: "Who is called, at which address, with which key. Keys are encrypted and never shown again.",
        actions: html`${freshness({ ...list, isLoading: list.isLoading, loadedAt: list.loadedAt, load: reload })}
          <button type="button" class="button" data-kind="primary" @click=${add}>${icon("plus")}New provider</button>`,
      })}${deleted().map(deletedStrip)}${show(list, {
        skeleton: skeletonRows(6),
        isEmpty: (rows) => !rows.length,
        data: view,
        empty: emptyState({
          title: "No providers yet",
          iconName: "plug",
          text: "A provider is an address that speaks OpenAI's or Anthropic's format, and the key that it takes. Models are served by it.",
          action: html`<button type="button" class="button" data-kind="primary" @click=${add}>
              ${icon("plus")}New provider</button
            ><a class="button" href="/ui/registry?tab=plan">${icon("branch")}Read models.yaml</a>`,
        }),
      })}`,
    );

  const view = (all) => {
    const rows = shown();
    return html`${when(
      all.length > 5,
      () =>
        html`<div class="toolbar" role="search">
          <input
            data-filter
            type="search"
            placeholder="Filter by name or address"
            aria-label="Filter providers"
            .value=${query().get("q") ?? ""}
            @input=${(event) => router.setQuery({ q: event.target.value }, { replace: true })} />
        </div>`,
    )}
    ${
      rows.length
        ? table({
            caption: "Providers",
            rows,
            keyOf: (row) => row.key,
            open: (row) => router.setQuery({ open: row.key }),
            hrefOf: (row) => withQuery("/ui/providers", { ...Object.fromEntries(query()), open: row.key }),
            columns: [
              { name: "key", label: "Provider", primary: true, render: (row) => row.key },
              {
                name: "format",
                label: "Format",
                render: (row) => html`<span class="nowrap">${FORMAT_NAMES[row.api_format] ?? row.api_format}</span>`,
              },
              {
                name: "url",
                label: "Address",
                wide: true,
                render: (row) => html`<code class="address">${row.api_url}</code>`,
              },
              { name: "api_key", label: "API key", render: (row) => keyCell(row, missingOf(row.key)) },
              {
                name: "models",
                label: "Models",
                align: "end",
                render: (row) =>
                  html`<a class="plain" href=${withQuery("/ui/models", { provider: row.key })}
                    >${modelsOf(row.key).length}</a
                  >`,
              },
              { name: "test", label: "Answers", render: (row) => testCell(tests.get(row.key), () => test(row)) },
              {
                name: "file",
                label: "File",
                render: (row) =>
                  html`${stateBadge(row.registry?.state)}<span class="sub">${placeText(row.registry?.place)}</span>`,
              },
            ],
          })
        : emptyState({
            title: `0 of ${plural(all.length, "provider")} match`,
            iconName: "search",
            action: html`<button type="button" class="button" @click=${() => router.setQuery({ q: null })}>
              Clear the filter
            </button>`,
          })
    }`;
  };

  const deleted = () => (drift.data?.drift ?? []).filter((one) => one.is_deleted && one.entity.startsWith("provider/"));
  const deletedStrip = ({ entity, location }) => {
    const key = entity.slice("provider/".length);
    const restore = async () => {
      try {
        await post(`/api/admin/registry/providers/${encodeURIComponent(key)}/revert`, {});
        toast(`${key} is back, as the file says it.`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        toast(error.message, { tone: "bad" });
      }
      await reload();
    };
    return html`<p class="strip" data-tone="warn">
      ${icon("trash")}<span
        ><strong>${key}</strong> was deleted here, and the file still declares it (<code>${location}</code>).</span
      >
      <button type="button" class="button" @click=${restore}>${icon("undo")}Bring it back</button>
    </p>`;
  };

  reload();
  syncDrawer();
  if (query().get("new")) add();
  refreshing(signal, reload);
  return {
    onquery: () => {
      redraw();
      syncDrawer();
    },
  };
}

/** How its key is named, and whether it is to be had. */
function keyCell(row, missing) {
  if (!row.api_key) return html`<span class="quiet">none is sent</span>`;
  const secret = row.secrets?.api_key;
  const name = secret
    ? html`typed in${secret.fingerprint ? html` <code class="place">${secret.fingerprint}</code>` : ""}`
    : html`<code>${row.api_key}</code>`;
  return missing || secret?.set === false
    ? html`${badge("Missing", "bad", "key")}<span class="sub" title=${missing?.reason ?? ""}
          >${missing ? html`<code>${row.api_key}</code>` : "type it again"}</span
        >`
    : name;
}

function testCell(result, test) {
  const button = html`<button
    type="button"
    class="button"
    data-kind="quiet"
    ?disabled=${Boolean(result?.isBusy)}
    @click=${test}>
    ${result?.isBusy ? "Asking…" : result ? "Again" : "Test now"}
  </button>`;
  if (!result || result.isBusy) return button;
  return html`<span role="status"
      >${badge(result.ok ? "Answers" : "Fails", result.ok ? "good" : "bad", result.ok ? "check" : "error")}</span
    >
    ${button}<span class="sub">${result.message}</span>`;
}
