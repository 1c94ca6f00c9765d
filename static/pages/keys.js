// All keys: whose they are, what they may do and spent, when they were last used.

import { ApiError, get, withQuery } from "../api.js";
import { facts, pageHead } from "../components/bits.js";
import { Dialog } from "../components/dialog.js";
import { exportButton } from "../components/export.js";
import { filterInput, segments } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { findUsers } from "../components/options.js";
import { Picker } from "../components/picker.js";
import { ListResource, emptyState, failure, pager, show as states } from "../components/resource.js";
import { table } from "../components/table.js";
import { html, when } from "../html.js";
import { keyActions, keyColumns, keyFacts } from "./keys/columns.js";
import { openKeyForm } from "./keys/form.js";

const STATUSES = [
  ["", "All"],
  ["active", "Active"],
  ["expired", "Expired"],
  ["revoked", "Revoked"],
];

export default function keys({ query, signal, router, draw }) {
  const fresh = new Set();
  const filters = () => ({ q: query().get("q"), status: query().get("status"), user_id: query().get("user_id") });
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) => get(withQuery("/api/admin/keys", { cursor, ...filters() }), { signal: stop }),
    () => show(),
  );
  const picker = new Picker({
    find: findUsers,
    draw: () => show(),
    onpick: (user_id) => router.setQuery({ user_id }),
    nameOf: async (id) => (await get(`/api/admin/users/${encodeURIComponent(id)}`, { signal })).name,
  });
  /** Who is chosen, by the name that a row or a suggestion has. */
  const chosen = () => query().get("user_id");
  const chosenName = () =>
    picker.textOf(chosen()) ?? list.rows.find(({ user_id: id }) => String(id) === chosen())?.user_name ?? null;
  const drawer = new Dialog({ kind: "drawer", signal, onclose: () => router.setQuery({ open: null }) });

  /** A new key stands first; the one that it takes the place of is as the server has it now. */
  const created = (key, old = null) => {
    fresh.add(key.id);
    list.set({ ...(list.data ?? { has_more: false, next_cursor: null }), data: [key, ...list.rows] });
    changed(key);
    if (old) changed(old);
  };
  /** One row as the server has it now; pages that were loaded stay. */
  const changed = async ({ id }) => {
    const { key: now } = await read(id, signal);
    if (!now) return;
    list.set({ ...list.data, data: list.rows.map((row) => (row.id === id ? now : row)) });
    if (Number(query().get("open")) === id) showDrawer(now);
  };
  const create = () => openKeyForm({ done: created });
  const createButton = () =>
    html`<button type="button" class="button" data-kind="primary" @click=${create}>${icon("plus")}Create key</button>`;
  const isFiltered = () => Object.values(filters()).some(Boolean);

  const head = () =>
    pageHead("API keys", {
      lead: "What clients call with. A key's text is shown once, when it is made.",
      actions: html`${exportButton({
        text: "Export (CSV)",
        path: () => withQuery("/api/admin/keys.csv", filters()),
        name: "keys.csv",
        disabled: !list.rows.length,
      })}${createButton()}`,
    });
  const toolbar = () =>
    html`<div class="toolbar">
      ${filterInput({
        name: "q",
        value: query().get("q"),
        label: "Filter by name or characters of the key",
        placeholder: "Name, or start or end of a key",
        router,
      })}
      ${picker.field({
        label: "Owner",
        value: chosen(),
        text: chosenName(),
        placeholder: "Any owner",
        labelled: false,
      })}
      ${segments("Status", STATUSES, query().get("status") ?? "", (status) =>
        withQuery("/ui/keys", { ...filters(), status }),
      )}
    </div>`;
  const rows = () =>
    html`<div class="key-list">
        ${table({
          caption: "API keys",
          columns: keyColumns({ changed, created }),
          rows: list.rows,
          open: (key) => router.setQuery({ open: key.id }),
          rowTone,
        })}
      </div>
      ${pager(list, "key")}`;

  const show = () =>
    draw(
      html`${head()}${toolbar()}
      ${states(list, {
        data: rows,
        isEmpty: ({ data }) => !data.length,
        empty: isFiltered() ? none() : nothingYet(),
      })}`,
    );

  const rowTone = (key) => (fresh.has(key.id) ? "new" : key.status === "active" ? null : "quiet");
  const none = () =>
    emptyState({
      title: "No key matches",
      text: "No key fits these filters.",
      iconName: "search",
      action: html`<a class="button" href="/ui/keys">Clear filters</a>`,
    });
  const nothingYet = () =>
    emptyState({
      title: "No keys yet",
      text: "A key belongs to a user, whose balance pays for what it calls.",
      iconName: "key",
      action: createButton(),
    });

  const showDrawer = (key) =>
    drawer.show(
      `Key ${key.name}`,
      html`${facts(keyFacts(key))}
        <div class="actions">
          <a class="button" href=${withQuery("/ui/requests", { key_id: key.id })}>${icon("list")}Requests with it</a>
          <a class="button" href=${`/ui/users/${key.user_id}?tab=keys`}>${icon("users")}Owner</a>
          <a class="button" href=${withQuery("/ui/audit", { target: `key/${key.id}` })}>${icon("shield")}Audit</a>
          ${keyActions(key, { changed, created }).map(
            ({ text, iconName, action }) =>
              html`<button type="button" class="button" @click=${action}>${icon(iconName)}${text}</button>`,
          )}
        </div>
        ${when(key.status === "revoked", () => html`<p class="quiet">It is refused wherever it is used.</p>`)}`,
    );

  const find = async (id) => {
    const key = list.rows.find((one) => one.id === id);
    return key ? { key } : read(id, signal);
  };

  async function openFromAddress() {
    const id = Number(query().get("open"));
    if (!id) {
      if (drawer.isOpen) drawer.close();
      return;
    }
    const { key, error } = await find(id);
    if (Number(query().get("open")) !== id) return;
    if (key) showDrawer(key);
    else if (error) drawer.show(`Key ${id}`, failure(error, openFromAddress));
  }

  let asked = JSON.stringify(filters());
  list.load().then(openFromAddress);
  return {
    onquery: () => {
      const now = JSON.stringify(filters());
      if (now !== asked) {
        asked = now;
        list.load();
      } else show();
      openFromAddress();
    },
  };
}

/** `{key}`, the row as the server has it now, or `{error}`; neither where the page was left. */
async function read(id, signal) {
  try {
    return { key: await get(`/api/admin/keys/${id}`, { signal }) };
  } catch (error) {
    if (error instanceof ApiError) return { error };
    if (error.name === "AbortError") return {};
    throw error;
  }
}
