// A user's own keys, to look at: what each may do and what it spent. They are made and revoked by an admin.

import { get, withQuery } from "../api.js";
import { amount, at, badge, facts, pageHead, timeAgo } from "../components/bits.js";
import { ListResource, Resource, pager, show } from "../components/resource.js";
import { table } from "../components/table.js";
import { compareDecimals } from "../decimal.js";
import { html, when } from "../html.js";
import { lastUse } from "./keys/last-use.js";
import { limitFacts, limitWords, modelsText } from "./keys/limits.js";

const LEAD = "What each key may do and what it spent. Keys are made, changed and revoked by whoever runs this proxy.";
const TONES = { active: ["good", "check"], expired: ["quiet", "clock"], revoked: ["bad", "close"] };

export default function meKeys({ signal, draw }) {
  const page = () =>
    draw(
      html`${pageHead("Your keys", { lead: LEAD })} ${ownLimits(balance.data?.limits)} ${show(keys, { data: rows })}
      ${when(keys.data?.has_more, () => pager(keys, "key"))}`,
    );
  const keys = new ListResource(
    { signal },
    ({ cursor, signal: aborted }) => get(withQuery("/api/user/keys", { cursor }), { signal: aborted }),
    () => page(),
  );
  const balance = new Resource(
    { signal },
    (aborted) => get("/api/user/balance", { signal: aborted }),
    () => page(),
  );

  const rows = () =>
    table({
      caption: "Your keys",
      rows: keys.rows,
      rowTone: ({ status }) => (status === "active" ? null : "quiet"),
      hrefOf: ({ id }) => withQuery("/ui/me/usage", { key_id: id }),
      columns: [
        {
          name: "name",
          label: "Key",
          primary: true,
          render: ({ id, name, prefix, last4 }) =>
            html`${name}${id === balance.data?.key.id ? html` ${badge("the one you use here", "info")}` : ""}<code
                class="sub nowrap"
                >${prefix}…${last4}</code
              >`,
        },
        {
          name: "status",
          label: "Status",
          render: (key) => statusBadge(key),
        },
        { name: "limits", label: "Limits", render: limits },
        {
          name: "spent_30d",
          label: "Spent, 30 days",
          align: "end",
          render: ({ id, spent_30d: spent }) =>
            html`<a href=${withQuery("/ui/me/usage", { key_id: id, range: "30d" })}>${amount(spent)}</a>`,
        },
        ...(keys.rows.some(({ spent_total: spent }) => spent !== undefined)
          ? [
              {
                name: "spent_total",
                label: "In all",
                align: "end",
                wide: true,
                render: ({ spent_total: spent }) => amount(spent),
              },
            ]
          : []),
        {
          name: "last_used_at",
          label: "Last used",
          render: (key) => lastUse(key, "/ui/me/usage"),
        },
        { name: "created_at", label: "Created", wide: true, render: ({ created_at: time }) => timeAgo(time) },
        {
          name: "expires_at",
          label: "Expires",
          wide: true,
          render: ({ expires_at: time }) => (time ? at(time) : html`<span class="quiet">never</span>`),
        },
      ],
    });

  page();
  keys.load();
  balance.load();
}

/** An active key that may spend no more is none that works. */
function statusBadge({ status, spend_status: spending }) {
  if (status === "active" && spending && compareDecimals(spending.left, "0") <= 0)
    return badge("limit reached", "bad", "warning");
  return badge(status, ...(TONES[status] ?? ["warn", "warning"]));
}

/** What the key is limited to, one line each. */
function limits(key) {
  const models =
    key.allowed_models && html`<span title=${key.allowed_models.join(", ")}>${modelsText(key.allowed_models)}</span>`;
  const lines = [models, ...limitWords(key).map((words) => html`<span class="nowrap">${words}</span>`)].filter(Boolean);
  return when(
    lines.length,
    () => html`${lines.map((line, at) => html`${at ? html`<br />` : ""}${line}`)}`,
    () => html`<span class="quiet">none</span>`,
  );
}

/** What binds all keys together; nothing where nothing does. */
function ownLimits(own) {
  if (!own || !(own.allowed_models || limitWords(own).length)) return "";
  return html`<section class="panel stack">
    <h2>Limits of your account</h2>
    <p>
      For all your keys together; a key may have narrower
      ones.${own.spend_status?.resets_at ? html` Spending begins anew ${timeAgo(own.spend_status.resets_at)}.` : ""}
    </p>
    ${facts(limitFacts(own))}
  </section>`;
}
