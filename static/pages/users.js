// All users: their money, how long it lasts, their keys; and what one does with them every day.

import { ApiError, get, patch, withQuery } from "../api.js";
import { amount, pageHead } from "../components/bits.js";
import { exportButton } from "../components/export.js";
import { filterInput, segments } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { ListResource, Resource, emptyState, pager, show as states } from "../components/resource.js";
import { table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { plural } from "../format.js";
import { html } from "../html.js";
import { openKeyForm } from "./keys/form.js";
import { openTopUp } from "./money/top-up.js";
import { openUserLimits } from "./user/limits.js";
import { SORTS, STANDARD_SORT, userColumns } from "./users/columns.js";
import { openCreateUser } from "./users/create.js";
import { selectedUsers } from "./users/selected.js";

const VIEWS = [
  ["", "All"],
  ["low", "Running low"],
  ["out", "Out of money"],
  ["idle", "Not used"],
  ["disabled", "Disabled"],
];

/** What is said of a view that nobody is in. */
const NOBODY = {
  low: ["Nobody is running low", "No balance above zero ends within three days at the pace of the last week."],
  out: ["Nobody is out of money", "Every user that fits has a balance above zero."],
  idle: ["Everybody calls", "Every user that fits made a request in the last 30 days."],
  disabled: ["Nobody is disabled", "Every user that fits may call."],
};

export default function users({ query, signal, router, draw }) {
  const fresh = new Set();
  const filters = () => ({ q: query().get("q"), standing: query().get("standing") });
  const sortName = () => (SORTS[query().get("sort")] ? query().get("sort") : STANDARD_SORT);
  const order = () => (["asc", "desc"].includes(query().get("order")) ? query().get("order") : SORTS[sortName()].order);
  const asks = () => ({ ...filters(), sort: sortName(), order: order() });
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) => get(withQuery("/api/admin/users", { cursor, ...asks() }), { signal: stop }),
    () => show(),
  );
  const totals = new Resource(
    { signal },
    (stop) => get(withQuery("/api/admin/users/totals", filters()), { signal: stop }),
    () => show(),
  );
  const load = () => {
    list.load();
    totals.load();
  };

  const create = () => openCreateUser({ changed: arrived });
  const createButton = () =>
    html`<button type="button" class="button" data-kind="primary" @click=${create}>${icon("plus")}Create user</button>`;

  /** Someone new, or with a first payment or key: at once in the list, with what the server says of them now. */
  async function arrived(user) {
    if (!fresh.has(user.id)) {
      fresh.add(user.id);
      list.set({ ...(list.data ?? { has_more: false, next_cursor: null }), data: [user, ...list.rows] });
    }
    await refresh(user);
  }

  async function refresh({ id }) {
    totals.load();
    try {
      replace(await get(`/api/admin/users/${id}`, { signal }));
    } catch (error) {
      if (error instanceof ApiError) list.load();
      else if (error.name !== "AbortError") throw error;
    }
  }
  const replace = (...users) => {
    const now = new Map(users.map((user) => [user.id, user]));
    list.set({ ...list.data, data: list.rows.map((row) => ({ ...row, ...now.get(row.id) })) });
  };
  const selected = selectedUsers({
    signal,
    rows: () => list.rows,
    replace: (users) => {
      replace(...users);
      totals.load();
    },
    reload: load,
    draw: () => show(),
    sortedBy: () => ({ sort: sortName(), order: order() }),
  });

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
    createKey: (user) => openKeyForm({ owner: user, done: () => refresh(user) }),
    limit: (user) =>
      openUserLimits(user, {
        save: (changes) => patch(`/api/admin/users/${user.id}`, changes),
        done: replace,
      }),
    setDisabled,
  };
  const isFiltered = () => Object.values(filters()).some(Boolean);
  const sorted = () => ({ name: SORTS[sortName()].column, down: order() === "desc" });
  /** Another column in its usual direction, the same one the other way round. */
  const sortBy = (column) => {
    const [name, { order: usual }] = Object.entries(SORTS).find(([, sort]) => sort.column === column);
    const isSame = name === sortName();
    const turned = isSame ? (order() === "asc" ? "desc" : "asc") : usual;
    router.setQuery({ sort: name === STANDARD_SORT ? null : name, order: turned === usual ? null : turned });
  };

  const head = () =>
    pageHead("Users", {
      lead: "Who pays for what is called. Each has one balance, and keys to call with.",
      actions: html`${exportButton({
        text: totals.data ? `Export ${plural(totals.data.count, "user")} (CSV)` : "Export (CSV)",
        path: () => withQuery("/api/admin/users.csv", asks()),
        name: "users.csv",
        disabled: !list.rows.length,
      })}${createButton()}`,
    });
  const toolbar = () =>
    html`<div class="toolbar">
      ${filterInput({
        name: "q",
        value: query().get("q"),
        label: "Filter by name or e-mail",
        placeholder: "Name or e-mail",
        router,
      })}
      ${segments("Which users", VIEWS, query().get("standing") ?? "", (standing) =>
        withQuery("/ui/users", { ...Object.fromEntries(query()), standing }),
      )}
    </div>`;
  const rows = () =>
    html`<div class="users">
        ${table({
          caption: "Users",
          columns: [selected.column(), ...userColumns(actions)],
          rows: list.rows,
          hrefOf: (user) => `/ui/users/${user.id}`,
          open: (user) => router.go(`/ui/users/${user.id}`),
          sorted: sorted(),
          onsort: sortBy,
          rowTone,
          total: totals.data ? sums(totals.data) : null,
        })}
      </div>
      ${pager(list, "user")}${selected.bar()}`;
  const rowTone = (user) =>
    selected.has(user) ? "selected" : fresh.has(user.id) ? "new" : user.disabled ? "quiet" : null;

  const show = () => {
    selected.keepShown();
    draw(
      html`${head()}${toolbar()}
      ${states(list, {
        data: rows,
        isEmpty: ({ data }) => !data.length,
        empty: isFiltered() ? none() : nothingYet(),
      })}`,
    );
  };

  const none = () => {
    const [title, text] = (!query().get("q") && NOBODY[query().get("standing")]) || [
      "No user matches",
      "Nobody fits these filters.",
    ];
    return emptyState({
      title,
      text,
      iconName: query().get("q") ? "search" : "check",
      action: html`<a class="button" href="/ui/users">Clear filters</a>`,
    });
  };
  const nothingYet = () =>
    emptyState({
      title: "No users yet",
      text: "Create one, give them money and a key, and they can call.",
      iconName: "users",
      action: createButton(),
    });

  let asked = JSON.stringify(filters());
  load();
  return {
    onquery: () => {
      const now = JSON.stringify(filters());
      if (now !== asked) selected.forget();
      asked = now;
      load();
    },
  };
}

/** Over all that the filters leave, not only what is loaded. */
const sums = ({ count: number, balance, spent_7d: week, spent_30d: month }) => ({
  select: "",
  name: `All ${plural(number, "user")}`,
  balance: amount(balance),
  spent_30d: html`${amount(month)} <span class="sub nowrap">${amount(week)} in 7 d</span>`,
});
