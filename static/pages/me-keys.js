// A user's own keys, to look at: what each may do and what it spent. They are made and revoked by an admin.

import { get, withQuery } from "../api.js";
import { amount, at, badge, pageHead, timeAgo } from "../components/bits.js";
import { ListResource, Resource, pager, show } from "../components/resource.js";
import { table } from "../components/table.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";

const TONES = { active: ["good", "check"], expired: ["quiet", "clock"], revoked: ["bad", "close"] };

export default function meKeys({ signal, draw }) {
  const page = () => draw(html`${pageHead("Your keys", { lead: "What each key may do and what it spent. Keys are made, changed and revoked by whoever runs this proxy." })}
    ${show(keys, { data: rows })}${when(keys.data?.has_more, () => pager(keys, "key"))}`);
  const keys = new ListResource({ signal }, ({ cursor, signal: aborted }) => get(withQuery("/api/user/keys", { cursor }), { signal: aborted }), () => page());
  const balance = new Resource({ signal }, (aborted) => get("/api/user/balance", { signal: aborted }), () => page());

  const rows = () => table({
    caption: "Your keys",
    rows: keys.rows,
    rowTone: ({ status }) => (status === "active" ? null : "quiet"),
    hrefOf: ({ id }) => withQuery("/ui/me/usage", { key_id: id }),
    columns: [
      { name: "name", label: "Key", primary: true, render: ({ id, name }) => html`${name}${id === balance.data?.key.id ? html` ${badge("the one you use here", "info")}` : ""}` },
      { name: "text", label: "Text", render: ({ prefix, last4 }) => html`<code class="nowrap">${prefix}…${last4}</code>` },
      { name: "status", label: "Status", render: ({ status }) => badge(status, ...(TONES[status] ?? ["warn", "warning"])) },
      { name: "limits", label: "Limits", render: limits },
      { name: "spent_30d", label: "Spent, 30 days", align: "end", render: ({ id, spent_30d: spent }) => html`<a href=${withQuery("/ui/me/usage", { key_id: id, range: "30d" })}>${amount(spent)}</a>` },
      ...(keys.rows.some(({ spent_total: spent }) => spent !== undefined) ? [{ name: "spent_total", label: "In all", align: "end", wide: true, render: ({ spent_total: spent }) => amount(spent) }] : []),
      { name: "last_used_at", label: "Last used", render: ({ last_used_at: time }) => (time ? timeAgo(time) : html`<span class="quiet">never</span>`) },
      { name: "created_at", label: "Created", wide: true, render: ({ created_at: time }) => timeAgo(time) },
      { name: "expires_at", label: "Expires", wide: true, render: ({ expires_at: time }) => (time ? at(time) : html`<span class="quiet">never</span>`) },
    ],
  });

  page();
  keys.load();
  balance.load();
}

/** What the key is limited to, one line each. */
function limits(key) {
  const lines = [
    key.allowed_models && html`<span title=${key.allowed_models.join(", ")}>${key.allowed_models.length <= 2 ? key.allowed_models.join(", ") || "no models" : plural(key.allowed_models.length, "model")}</span>`,
    key.max_concurrency && `${key.max_concurrency} at once`,
    key.spend_limit && html`${amount(key.spend_limit)}${key.spend_period ? ` a ${key.spend_period}` : ""}`,
    key.rpm && `${key.rpm} requests a minute`,
    key.tpm && `${key.tpm} tokens a minute`,
  ].filter(Boolean);
  return when(lines.length, () => html`${lines.map((line, at) => html`${at ? html`<br>` : ""}${line}`)}`, () => html`<span class="quiet">none</span>`);
}
