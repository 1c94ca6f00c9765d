// One user: money and use at a glance, the statement, keys, requests, who they are, and what was done to them.

import { get, patch } from "../api.js";
import { pageHead, tabs } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, failure, skeletonRows } from "../components/resource.js";
import { compareDecimals } from "../decimal.js";
import { html, nothing, when } from "../html.js";
import { auditTab } from "./user/audit.js";
import { detailsTab } from "./user/details.js";
import { keysTab } from "./user/keys.js";
import { overviewTab } from "./user/overview.js";
import { requestsTab } from "./user/requests.js";
import { statementTab } from "./user/statement.js";
import { tombstone } from "./user/tombstone.js";
import { openKeyForm } from "./keys/form.js";
import { openTopUp } from "./money/top-up.js";
import { standingBadge } from "./users/columns.js";
import { trouble } from "./users/standing.js";

const TABS = [
  { name: "overview", text: "Overview", make: overviewTab },
  { name: "statement", text: "Statement", make: statementTab },
  { name: "keys", text: "Keys", make: keysTab },
  { name: "requests", text: "Requests", make: requestsTab },
  { name: "details", text: "Details", make: detailsTab },
  { name: "audit", text: "Audit", make: auditTab },
];
const BACK = { href: "/ui/users", text: "Users" };

export default function user({ params, query, signal, router, draw }) {
  const id = params.id;
  const owner = new Resource(
    { signal },
    (stop) => get(`/api/admin/users/${encodeURIComponent(id)}`, { signal: stop }),
    () => show(),
  );
  /** Made when first looked at, and kept: going back and forth between tabs shows what was there at once. */
  const made = new Map();
  let gone = null;

  const current = () => TABS.find(({ name }) => name === query().get("tab")) ?? TABS[0];
  const context = {
    id,
    signal,
    router,
    query,
    draw: () => show(),
    user: () => owner.data,
    /** The server's answer to a write of the user takes the place of what was there. */
    replace: (user) => owner.set({ ...owner.data, ...user }),
    reload: () => reload(),
    /** Ids of keys made here, to be seen in their list. */
    fresh: new Set(),
    createKey: () => openKeyForm({ owner: owner.data, done: context.keyCreated }),
    keyCreated: (key) => {
      context.fresh.add(key.id);
      reload();
    },
    save: (changes) => patch(`/api/admin/users/${id}`, changes),
  };

  function reload() {
    owner.load();
    for (const tab of made.values()) tab.load?.();
  }

  function tab() {
    const { name, make } = current();
    if (!made.has(name)) {
      const one = make(context);
      made.set(name, one);
      one.load?.();
    }
    return made.get(name);
  }

  async function start() {
    await owner.load();
    if (owner.error?.status === 404) gone = tombstone(context);
    show();
    if (owner.data) document.title = `${owner.data.name} · quart-proxy`;
  }

  const topUp = () => openTopUp(owner.data, { done: reload });
  const actions = () =>
    html`<button type="button" class="button" @click=${context.createKey}>${icon("key")}Create key</button>
      <button type="button" class="button" data-kind="primary" @click=${topUp}>${icon("plus")}Top up</button>`;

  const hrefOf = (name) => (name === TABS[0].name ? `/ui/users/${id}` : `/ui/users/${id}?tab=${name}`);
  /** What ends the trouble that is told: money, or another state or limit. */
  const wayOut = (one) =>
    one.disabled || compareDecimals(one.balance, "0") > 0
      ? html`<a class="button" href="?tab=details">Details</a>`
      : html`<button type="button" class="button" @click=${topUp}>Top up</button>`;

  function show() {
    if (gone) {
      draw(gone());
      return;
    }
    const one = owner.data;
    if (one === undefined) {
      draw(html`${pageHead("User", { back: BACK })}${owner.error ? failure(owner.error, start) : skeletonRows(6)}`);
      return;
    }
    draw(
      html`${pageHead(one.name, { back: BACK, actions: actions(), lead: who(one) })}
        ${when(
          trouble(one),
          (text) =>
            html`<p class="strip" data-tone=${one.disabled ? "warn" : "bad"} role="status">
              ${icon("warning")}<span>${text}</span>
              ${wayOut(one)}
            </p>`,
        )}
        ${tabs("Parts of this user", TABS, current().name, hrefOf)}
        <section class="stack" aria-label=${current().text}>${tab().template() ?? nothing}</section>`,
    );
  }

  show();
  start();
  return { onquery: show };
}

const who = (one) =>
  html`<span class="toolbar"
    >${standingBadge(one)}${when(one.email, () => html`<span>${one.email}</span>`)}<span class="quiet"
      >User ${one.id}</span
    ></span
  >`;
