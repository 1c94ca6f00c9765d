// Who did what: every write of an admin, with what changed, from where and in which request.

import { download, get, withQuery } from "../api.js";
import { at, badge, code, facts, pageHead, timeAgo } from "../components/bits.js";
import { changeList, changeSummary } from "../components/changes.js";
import { Dialog } from "../components/dialog.js";
import { filterInput } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { ListResource, Resource, emptyState, pager, show } from "../components/resource.js";
import { table } from "../components/table.js";
import { freshness, timeRange } from "../components/time-range.js";
import { actionTone, targetHref } from "../audit-targets.js";
import { html, when } from "../html.js";
import { preferences } from "../preferences.js";
import { readRange } from "../range.js";

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
  const drawer = new Dialog({ kind: "drawer", signal, onclose: () => router.setQuery({ open: null }) });
  const known = new Resource(
    { signal },
    (aborted) => get("/api/admin/audit/actions", { signal: aborted }),
    () => page(),
  );
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

  const view = () =>
    html`${pageHead("Audit log", {
        lead: "Every write of an admin: who, what, and what it changed.",
        actions: html`${freshness(list)}<button
            type="button"
            class="button"
            @click=${() => download(withQuery("/api/admin/audit.csv", chosen()), "audit.csv")}>
            ${icon("download")}Save as CSV
          </button>`,
      })}
      <div class="toolbar audit-filters">
        <label class="filter">Find ${typed("q", "Text in an entry", true)}</label>
        ${choice("actor", "Who", "Anybody", known.data?.actors)}${choice("action", "Did", "Anything", known.data?.data)}
        <label class="filter">To ${typed("target", "user/1, model/…", false)}</label>
        ${timeRange(range(), (changes) => router.setQuery(changes))}
        ${when(isNarrowed(), () => html`<a class="button" data-kind="quiet" href="/ui/audit">Clear</a>`)}
      </div>
      ${show(list, {
        data: rows,
        isEmpty: ({ data }) => !data.length,
        empty: emptyState({
          iconName: "shield",
          title: "No entries",
          text: isNarrowed() ? "Nothing was written that fits these filters." : "Nothing was written in this range.",
          action: html`<a class="button" href="/ui/audit">Clear the filters</a>`,
        }),
      })}
      ${list.rows.length ? pager(list, "entry", "entries") : ""}`;

  /** One of what is in the log; what the address says is there too, even if nobody ever did it. */
  const choice = (name, label, all, found = []) => {
    const now = query().get(name) ?? "";
    return html`<label class="filter"
      >${label}
      <select @change=${(event) => router.setQuery({ [name]: event.target.value })}>
        <option value="" .selected=${!now}>${all}</option>
        ${[...new Set([...found, ...(now ? [now] : [])])].map((one) => html`<option value=${one} .selected=${one === now}>${one}</option>`)}
      </select></label
    >`;
  };

  const rows = () =>
    table({
      caption: "Audit log, newest first",
      rows: list.rows,
      hrefOf,
      open: (row) => router.go(hrefOf(row)),
      columns: [
        { name: "action", label: "What", primary: true, render: ({ action }) => badge(action, actionTone(action)) },
        { name: "target", label: "To what", render: ({ target }) => targetLink(target) },
        { name: "changes", label: "Changes", render: ({ before, after }) => changeSummary(before, after) },
        { name: "actor", label: "Who", render: ({ actor }) => actor },
        { name: "at", label: "When", render: ({ at: time }) => html`<span class="nowrap">${timeAgo(time)}</span>` },
      ],
    });

  function drawDrawer() {
    const open = query().get("open");
    const entry = open && list.rows.find(({ id }) => String(id) === open);
    if (!entry) return drawer.isOpen && drawer.close();
    return drawer.show(`${entry.action}: ${entry.target}`, entryView(entry));
  }

  page();
  list.load();
  known.load();
  return {
    onquery: () => {
      // Opening an entry changes the address, not what is asked for.
      if (question() !== asked) list.load();
      asked = question();
      page();
    },
  };
}

function targetLink(target) {
  const href = targetHref(target);
  return href ? html`<a href=${href}>${target}</a>` : target;
}

function entryView({ at: time, actor, target, request_id: request, address, before, after }) {
  return html`${facts([
      ["Who", html`<a href=${withQuery("/ui/audit", { actor })}>${actor}</a>`],
      ["When", at(time)],
      ["To what", html`${targetLink(target)} · <a href=${withQuery("/ui/audit", { target })}>its whole history</a>`],
      ["From address", address ?? "–"],
      ["Request", request ? code(request, "Copy the request id") : "–"],
    ])}
    <section class="stack tight">
      <h3>What changed</h3>
      ${changeList(before, after)}
    </section>`;
}
