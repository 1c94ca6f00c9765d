// All users: their money, how long it lasts, their keys; and what one does with them every day.

import { ApiError, get, patch, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { filterInput, segments } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { ListResource, emptyState, pager, show as states } from "../components/resource.js";
import { table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { html } from "../html.js";
import { openKeyForm } from "./keys/form.js";
import { openTopUp } from "./money/top-up.js";
import { SORTS, userColumns } from "./users/columns.js";
import { openCreateUser } from "./users/create.js";

const VIEWS = [
  ["", "All"],
  ["1", "Out of money"],
];

export default function users({ query, signal, router, draw }) {
  const fresh = new Set();
  const asks = () => ({ q: query().get("q"), low: query().get("low"), sort: query().get("sort") });
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) => get(withQuery("/api/admin/users", { cursor, ...asks() }), { signal: stop }),
    () => show(),
  );

  const create = () => openCreateUser({ changed: arrived });
  const createButton = () =>
    html`<button type="button" class="button" data-kind="primary" @click=${create}>${icon("plus")}Create user</button>`;

  /** Someone new, or with a first payment or key: at once in the list, with what the server says of them now. */
  async function arrived(user) {
    fresh.add(user.id);
    if (!list.rows.some(({ id }) => id === user.id))
      list.set({ ...(list.data ?? { has_more: false, next_cursor: null }), data: [user, ...list.rows] });
    else await refresh(user);
  }

  async function refresh({ id }) {
    try {
      const now = await get(`/api/admin/users/${id}`, { signal });
      replace(now);
    } catch (error) {
      if (error instanceof ApiError) list.load();
      else if (error.name !== "AbortError") throw error;
    }
  }
  const replace = (user) =>
    list.set({ ...list.data, data: list.rows.map((row) => (row.id === user.id ? { ...row, ...user } : row)) });

  async function setDisabled(user, disabled, { undo = true } = {}) {
    try {
      replace(await patch(`/api/admin/users/${user.id}`, { disabled }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`${user.name} is not changed: ${error.message}`, { tone: "bad" });
      return;
    }
    toast(disabled ? `${user.name} is disabled: calls are refused.` : `${user.name} may call again.`, {
      undo: undo ? () => setDisabled(user, !disabled, { undo: false }) : null,
    });
  }

  const actions = {
    topUp: (user) => openTopUp(user, { done: () => refresh(user) }),
    createKey: (user) => openKeyForm({ owner: user, done: () => list.load() }),
    setDisabled,
  };
  const isFiltered = () => Boolean(asks().q || asks().low);
  const sorted = () => {
    const name = asks().sort;
    return name && SORTS[name] ? { name: SORTS[name].column, down: SORTS[name].down } : null;
  };
  const sortBy = (column) => {
    const [name] = Object.entries(SORTS).find(([, sort]) => sort.column === column);
    router.setQuery({ sort: asks().sort === name ? null : name });
  };

  const show = () =>
    draw(
      html`${pageHead("Users", { lead: "Who pays for what is called. Each has one balance, and keys to call with.", actions: createButton() })}
        <div class="toolbar">
          ${filterInput({ name: "q", value: asks().q, label: "Filter by name or e-mail", placeholder: "Name or e-mail", router })}
          ${segments("Which users", VIEWS, asks().low ?? "", (low) => withQuery("/ui/users", { ...asks(), low }))}
        </div>
        ${states(list, {
          data: () =>
            html`<div class="users">
                ${table({
                  caption: "Users",
                  columns: userColumns(actions),
                  rows: list.rows,
                  hrefOf: (user) => `/ui/users/${user.id}`,
                  open: (user) => router.go(`/ui/users/${user.id}`),
                  sorted: sorted(),
                  onsort: sortBy,
                  rowTone: (user) => (fresh.has(user.id) ? "new" : user.disabled ? "quiet" : null),
                })}
              </div>
              ${pager(list, "user")}`,
          isEmpty: ({ data }) => !data.length,
          empty: isFiltered() ? none() : nothingYet(),
        })}`,
    );

  const none = () =>
    emptyState({
      title: asks().low ? "Nobody is out of money" : "No user matches",
      iconName: asks().low ? "check" : "search",
      text: asks().low ? "Every user that fits has a balance above zero." : "No name and no e-mail has this in it.",
      action: html`<a class="button" href="/ui/users">Clear filters</a>`,
    });
  const nothingYet = () =>
    emptyState({
      title: "No users yet",
      text: "Create one, give them money and a key, and they can call.",
      iconName: "users",
      action: createButton(),
    });

  list.load();
  return { onquery: () => list.load() };
}
