// All keys: whose they are, what they may do and spent, when they were last used.

import { get, withQuery } from "../api.js";
import { facts, pageHead } from "../components/bits.js";
import { Dialog } from "../components/dialog.js";
import { icon } from "../components/icons.js";
import { Picker } from "../components/picker.js";
import { ListResource, emptyState, pager, show as states } from "../components/resource.js";
import { table } from "../components/table.js";
import { filterInput, segments } from "../components/filters.js";
import { html, when } from "../html.js";
import { keyColumns, keyFacts } from "./keys/columns.js";
import { openKeyForm } from "./keys/form.js";
import { findUsers } from "./requests/filter-bar.js";

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
  const picker = new Picker({ find: findUsers, draw: () => show(), onpick: (user_id) => router.setQuery({ user_id }) });
  /** Who is chosen, by the name that a row or a suggestion has. */
  const chosen = () => query().get("user_id");
  const chosenName = () =>
    picker.textOf(chosen()) ?? list.rows.find(({ user_id: id }) => String(id) === chosen())?.user_name ?? null;
  const drawer = new Dialog({ kind: "drawer", signal, onclose: () => router.setQuery({ open: null }) });

  const created = (key) => {
    fresh.add(key.id);
    list.set({ ...(list.data ?? { has_more: false, next_cursor: null }), data: [key, ...list.rows] });
  };
  const changed = () => list.load();
  const create = () => openKeyForm({ done: created });
  const createButton = () =>
    html`<button type="button" class="button" data-kind="primary" @click=${create}>${icon("plus")}Create key</button>`;
  const isFiltered = () => Object.values(filters()).some(Boolean);

  const show = () =>
    draw(
      html`${pageHead("API keys", { lead: "What clients call with. A key's text is shown once, when it is made.", actions: createButton() })}
        <div class="toolbar">
          ${filterInput({ name: "q", value: query().get("q"), label: "Filter by name or characters of the key", placeholder: "Name, or start or end of a key", router })}
          ${picker.field({ label: "Owner", value: chosen(), text: chosenName(), placeholder: "Any owner", labelled: false })}
          ${segments("Status", STATUSES, query().get("status") ?? "", (status) => withQuery("/ui/keys", { ...filters(), status }))}
        </div>
        ${states(list, {
          data: () =>
            html`${table({
              caption: "API keys",
              columns: keyColumns({ changed, created }),
              rows: list.rows,
              open: (key) => router.setQuery({ open: key.id }),
              rowTone,
            })}${pager(list, "key")}`,
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

  async function openFromAddress() {
    const id = Number(query().get("open"));
    if (!id) {
      if (drawer.isOpen) drawer.close();
      return;
    }
    const key = list.rows.find((one) => one.id === id) ?? (await find(id, signal));
    if (!key || Number(query().get("open")) !== id) return;
    drawer.show(
      `Key ${key.name}`,
      html`${facts(keyFacts(key))}
        <div class="actions">
          <a class="button" href=${withQuery("/ui/requests", { key_id: key.id })}>${icon("list")}Requests with it</a>
          <a class="button" href=${`/ui/users/${key.user_id}?tab=keys`}>${icon("users")}Owner</a>
        </div>
        ${when(key.status === "revoked", () => html`<p class="quiet">It is refused wherever it is used.</p>`)}`,
    );
  }

  let asked = JSON.stringify(filters());
  list.load().then(openFromAddress);
  return {
    onquery: () => {
      const now = JSON.stringify(filters());
      if (now !== asked) {
        asked = now;
        list.load({ keep: true });
      } else show();
      openFromAddress();
    },
  };
}

async function find(id, signal) {
  try {
    return await get(`/api/admin/keys/${id}`, { signal });
  } catch {
    return null;
  }
}
