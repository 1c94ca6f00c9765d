// Every movement of money by hand, its totals, and the proof that the books agree.

import { get, withQuery } from "../api.js";
import { amount, pageHead } from "../components/bits.js";
import { exportButton } from "../components/export.js";
import { segments } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { findUsers } from "../components/options.js";
import { Picker } from "../components/picker.js";
import { ListResource, Resource, emptyState, pager, show as states, skeletonRows } from "../components/resource.js";
import { table } from "../components/table.js";
import { timeRange } from "../components/time-range.js";
import { exactMoney, money, plural, signedMoney } from "../format.js";
import { html } from "../html.js";
import { preferences } from "../preferences.js";
import { readRange } from "../range.js";
import { reconcile } from "./money/books.js";
import { entryColumns } from "./money/entries.js";
import { KINDS, kindText } from "./money/movement.js";
import { openReverse } from "./money/reverse.js";

const KIND_CHOICES = [["", "All"], ...KINDS.map(({ kind, text }) => [kind, text]), ["reverse", "Reverse"]];

export default function ledger({ query, signal, router, draw }) {
  const range = () => readRange(query(), Date.now(), "all", preferences.zone);
  const filters = () => {
    const { from, to } =
      query().get("range") || query().get("from") || query().get("to") ? range() : { from: null, to: null };
    return { user_id: query().get("user_id"), kind: query().get("kind"), from, to };
  };
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) => get(withQuery("/api/admin/ledger", { cursor, ...filters() }), { signal: stop }),
    () => show(),
  );
  const totals = new Resource(
    { signal },
    (stop) => get(withQuery("/api/admin/ledger/totals", filters()), { signal: stop }),
    () => show(),
  );
  /** The proof is of everybody's books at all times, or of one user's. */
  const books = new Resource(
    { signal },
    (stop) => get(withQuery("/api/admin/ledger/totals", { user_id: chosen() }), { signal: stop }),
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

  const load = () => {
    list.load();
    totals.load();
    books.load();
  };
  const reverse = (entry) => openReverse(entry, entry.user_name ?? `user ${entry.user_id}`, { done: load });
  const isFiltered = () => Object.values(filters()).some(Boolean);
  const hrefOf = (kind) => withQuery("/ui/ledger", { ...Object.fromEntries(query()), kind });

  const head = () =>
    pageHead("Ledger", {
      lead: "Every movement of money by hand. None is ever changed or deleted: a wrong one is reversed by another.",
      actions: exportButton({
        text: totals.data ? `Export ${plural(totals.data.count, "row")} (CSV)` : "Export (CSV)",
        path: () => withQuery("/api/admin/ledger.csv", filters()),
        name: "ledger.csv",
        disabled: !list.rows.length,
      }),
    });
  const users = () =>
    picker.field({
      label: "User",
      value: chosen(),
      text: chosenName(),
      placeholder: "Any user",
      labelled: false,
      filter: true,
    });
  const rows = () =>
    html`${table({ caption: "Ledger", columns: entryColumns({ reverse }), rows: list.rows })}
    ${pager(list, "entry", "entries")}`;

  const show = () =>
    draw(
      html`${head()} ${states(books, { skeleton: skeletonRows(2), data: (data) => proof(data) })}
        <div class="toolbar">
          ${users()} ${ranges(query(), router)}${segments("Kind", KIND_CHOICES, query().get("kind") ?? "", hrefOf)}
        </div>
        ${states(totals, { skeleton: skeletonRows(1), data: ({ by_kind: sums }) => byKind(sums) })}
        ${states(list, {
          data: rows,
          isEmpty: ({ data }) => !data.length,
          empty: isFiltered() ? none() : nothingYet(),
        })}`,
    );

  const none = () =>
    emptyState({
      title: "No entry matches",
      text: "Nothing was moved that fits these filters.",
      iconName: "search",
      action: html`<a class="button" href="/ui/ledger">Clear filters</a>`,
    });
  const nothingYet = () =>
    emptyState({
      title: "Nothing has moved yet",
      text: "Top up a user, and the entry stands here.",
      iconName: "book",
      action: html`<a class="button" data-kind="primary" href="/ui/users">To the users</a>`,
    });

  load();
  let asked = JSON.stringify([...query()]);
  return {
    onquery: () => {
      const now = JSON.stringify([...query()]);
      if (now !== asked) load();
      asked = now;
    },
  };
}

/** The span of time, which here may be all of it. */
function ranges(query, router) {
  const isAll = !query.get("range") && !query.get("from") && !query.get("to");
  if (isAll) {
    return html`<button type="button" class="button" @click=${() => router.setQuery({ range: "30d" })}>
      ${icon("clock")}All time
    </button>`;
  }
  return html`${timeRange(readRange(query, Date.now(), "all", preferences.zone), (changes) => router.setQuery(changes))}
    <button
      type="button"
      class="button"
      data-kind="quiet"
      @click=${() => router.setQuery({ range: null, from: null, to: null })}>
      All time
    </button>`;
}

function byKind(sums) {
  const kinds = Object.entries(sums);
  if (!kinds.length) return "";
  return html`<dl class="kind-totals">
    ${kinds.map(
      ([kind, sum]) =>
        html`<div>
          <dt>${kindText(kind)}</dt>
          <dd title=${exactMoney(sum)}>${signedMoney(sum)}</dd>
        </div>`,
    )}
  </dl>`;
}

/** credited − used = outstanding, and whether it is so. */
function proof(data) {
  const { credited, used, outstanding, expected, difference, agrees } = reconcile(data);
  const term = (name, value, sign = "") =>
    html`<span class="term"
      >${sign ? html`<span class="sign">${sign}</span>` : ""}<span
        ><span class="tile-label">${name}</span><span class="sum">${amount(value)}</span></span
      ></span
    >`;
  return html`<section class="panel reconciliation" aria-label="Reconciliation">
    ${term("Credited", credited)}${term("Used", used, "−")}${term("Outstanding", outstanding, "=")}
    <span class="agreement" data-tone=${agrees ? "good" : "bad"} role="status"
      >${icon(agrees ? "check" : "error")}${
        agrees
          ? "The books agree, to the last digit."
          : html`They differ by <strong title=${exactMoney(difference)}>${money(difference)}</strong>:
              ${money(expected)} was expected.`
      }</span
    >
  </section>`;
}
