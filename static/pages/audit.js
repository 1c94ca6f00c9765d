// Who did what: every write of an admin, with what changed, from where and in which request.

import { get, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { Dialog } from "../components/dialog.js";
import { exportButton } from "../components/export.js";
import { filterInput } from "../components/filters.js";
import { ListResource, Resource, emptyState, failure, pager, show } from "../components/resource.js";
import { table } from "../components/table.js";
import { freshness, timeRange } from "../components/time-range.js";
import { actorText } from "../documents/words.js";
import { html, when } from "../html.js";
import { preferences } from "../preferences.js";
import { readRange } from "../range.js";
import { AUDIT_COLUMNS } from "./audit/columns.js";
import { entryView } from "./audit/entry.js";
import { actionText, sentenceText } from "./audit/sentences.js";

const STANDARD = "90d";
const NAMES = ["actor", "action", "target", "q"];

export default function audit({ query, signal, router, draw }) {
  const range = () => readRange(query(), Date.now(), STANDARD, preferences.zone);
  const chosen = () => {
    const { from, to, name } = range();
    // A range that ends now is left open, so that what is written while one looks is there.
    return {
      ...Object.fromEntries(NAMES.map((each) => [each, query().get(each)])),
      from,
      to: name === "custom" ? to : null,
    };
  };
  const isNarrowed = () =>
    NAMES.some((name) => query().get(name)) || query().has("range") || query().has("from") || query().has("to");
  const list = new ListResource(
    { signal },
    ({ cursor, signal: aborted }) => get(withQuery("/api/admin/audit", { ...chosen(), cursor }), { signal: aborted }),
    () => page(),
  );
  const known = new Resource(
    { signal },
    (aborted) => get("/api/admin/audit/actions", { signal: aborted }),
    () => page(),
  );
  /** The entry that the address has open, where the list does not hold it. */
  const single = new Resource(
    { signal },
    (aborted) => get(`/api/admin/audit/${encodeURIComponent(query().get("open"))}`, { signal: aborted }),
    () => page(),
  );
  const drawer = new Dialog({ kind: "drawer", signal, onclose: () => router.setQuery({ open: null }) });
  const question = () => JSON.stringify([...NAMES, "range", "from", "to"].map((name) => query().get(name)));
  let asked = question();

  const hrefOf = ({ id }) => {
    const now = query();
    now.set("open", id);
    return `/ui/audit?${now}`;
  };
  const page = () => {
    draw(view());
    drawDrawer();
  };
  const typed = (name, placeholder, isFirst) =>
    filterInput({ name, value: query().get(name), placeholder, isFirst, router });
  const head = () =>
    pageHead("Audit log", {
      lead: "Every write of an admin: who, what, and what it changed.",
      actions: html`${freshness(list)}
      ${exportButton({
        text: "Export (CSV)",
        path: () => withQuery("/api/admin/audit.csv", chosen()),
        name: "audit.csv",
        disabled: !list.rows.length,
      })}`,
    });

  const view = () =>
    html`${head()}
      <div class="toolbar audit-filters">
        <label class="filter">Find ${typed("q", "Text in an entry", true)}</label>
        ${choice("actor", "Who", "Anybody", known.data?.actors, actorText)}
        ${choice("action", "Did", "Anything", known.data?.data, actionText)}
        <label class="filter">To ${typed("target", "user/1, model/…", false)}</label>
        ${timeRange(range(), (changes) => router.setQuery(changes))}
        ${when(isNarrowed(), () => html`<a class="button" data-kind="quiet" href="/ui/audit">Clear</a>`)}
      </div>
      ${show(list, { data: rows, isEmpty: ({ data }) => !data.length, empty: nothing() })}
      ${list.rows.length ? pager(list, "entry", "entries") : ""}`;

  const nothing = () =>
    emptyState({
      iconName: "shield",
      title: "No entries",
      text: isNarrowed() ? "Nothing was written that fits these filters." : "Nothing was written in this range.",
      action: isNarrowed() ? html`<a class="button" href="/ui/audit">Clear the filters</a>` : "",
    });

  /** One of what is in the log; what the address says is there too, even if nobody ever did it. */
  const choice = (name, label, all, found = [], textOf = String) => {
    const now = query().get(name) ?? "";
    const options = [...new Set([...found, ...(now ? [now] : [])])];
    return html`<label class="filter"
      >${label}
      <select @change=${(event) => router.setQuery({ [name]: event.target.value })}>
        <option value="" .selected=${!now}>${all}</option>
        ${options.map((one) => html`<option value=${one} .selected=${one === now}>${textOf(one)}</option>`)}
      </select></label
    >`;
  };

  const rows = () =>
    table({
      caption: "Audit log, newest first",
      rows: list.rows,
      hrefOf,
      open: (row) => router.go(hrefOf(row)),
      columns: AUDIT_COLUMNS,
    });

  function drawDrawer() {
    const open = query().get("open");
    const entry = [...list.rows, single.data].find((one) => one && String(one.id) === open);
    if (!entry && open && single.error)
      return drawer.show(
        `Entry ${open}`,
        failure(single.error, () => single.load()),
      );
    if (!entry) return drawer.isOpen && drawer.close();
    return drawer.show(sentenceText(entry), entryView(entry));
  }

  const findOpen = () => {
    const open = query().get("open");
    if (open && !list.rows.some(({ id }) => String(id) === open) && String(single.data?.id) !== open) single.load();
  };

  page();
  list.load().then(findOpen);
  known.load();
  return {
    onquery: () => {
      // Opening an entry changes the address, not what is asked for.
      if (question() !== asked) list.load();
      asked = question();
      page();
      findOpen();
    },
  };
}
