// The table of keys, the same on the page of all keys and on a user's.

import { withQuery } from "../../api.js";
import { amount, at, badge, timeAgo } from "../../components/bits.js";
import { menu } from "../../components/menu.js";
import { spendMeter } from "../../components/meter.js";
import { html, when } from "../../html.js";
import { spentRange } from "../../range.js";
import { openRotate, revokeKey } from "./actions.js";
import { openKeyEdit } from "./form.js";
import { lastUse, lastUseFacts } from "./last-use.js";
import { limitFacts, modelsText, numberWords, shownKey, statusOf } from "./limits.js";

const never = html`<span class="quiet">never</span>`;
const ownerName = (key) => key.user_name ?? `User ${key.user_id}`;
const OWNER = {
  name: "owner",
  label: "Owner",
  render: (key) => html`<a href=${`/ui/users/${key.user_id}`}>${ownerName(key)}</a>`,
};

/** `changed(key)`: a row was written; `created(key, old)`: a new one is there, in place of `old` where it was rotated.
 * `withOwner` says whose each is. */
export function keyColumns({ changed, created, withOwner = true }) {
  return [
    {
      name: "name",
      label: "Key",
      primary: true,
      render: (key) => html`${key.name}<span class="sub mono nowrap">${shownKey(key)}</span>`,
    },
    ...(withOwner ? [OWNER] : []),
    { name: "status", label: "Status", render: (key) => html`${statusBadge(key)}${ending(key)}` },
    { name: "spent_30d", label: "Spent 30 d", align: "end", render: spent },
    { name: "spend_limit", label: "Spend limit", render: spendMeter },
    { name: "last_used", label: "Last used", render: (key) => lastUse(key, "/ui/requests") },
    { name: "models", label: "May use", wide: true, render: mayUse },
    { name: "actions", label: "Actions", align: "end", render: (key) => keyMenu(key, { changed, created }) },
  ];
}

const spent = (key) =>
  html`<a
    class="plain"
    href=${withQuery("/ui/requests", { key_id: key.id, ...spentRange(30, Date.now()) })}
    aria-label=${`Requests with ${key.name}, 30 days`}
    >${amount(key.spent_30d)}</a
  >`;

const mayUse = (key) =>
  html`<span title=${key.allowed_models?.join(", ") ?? ""}>${modelsText(key.allowed_models)}</span>
    ${numberWords(key).map((words) => html`<span class="sub">${words}</span>`)}`;

export function statusBadge(key) {
  const { text, tone, icon, why } = statusOf(key, Date.now());
  return html`${badge(text, tone, icon)}${when(why, () => html`<span class="sub">${why}</span>`)}`;
}

/** When it ends, or ended; nothing for one that goes on. */
function ending({ expires_at: expires, revoked_at: revoked }) {
  if (revoked) return html`<span class="sub">${timeAgo(revoked)}</span>`;
  return when(
    expires,
    () => html`<span class="sub">${Date.parse(expires) > Date.now() ? "ends " : ""}${timeAgo(expires)}</span>`,
  );
}

/** What can be done to it, as `menu.js` takes them. */
export const keyActions = (key, { changed, created }) =>
  [
    key.status !== "revoked" && { text: "Edit", iconName: "edit", action: () => openKeyEdit(key, { done: changed }) },
    key.status === "active" && {
      text: "Rotate",
      iconName: "refresh",
      action: () => openRotate(key, { done: created }),
    },
    key.status !== "revoked" && {
      text: "Revoke",
      iconName: "stop",
      tone: "bad",
      action: () => revokeKey(key, { done: () => changed(key) }),
    },
  ].filter(Boolean);

function keyMenu(key, writes) {
  const requests = { text: "Requests with it", iconName: "list", href: withQuery("/ui/requests", { key_id: key.id }) };
  return menu(`More for key ${key.name}`, [requests, ...keyActions(key, writes)], `key-${key.id}`);
}

/** What else there is to know of a key, for the drawer. */
export const keyFacts = (key) => [
  ["Key", html`<code>${shownKey(key)}</code>`],
  ["Owner", OWNER.render(key)],
  ["Status", statusBadge(key)],
  ["Spent, 30 days", amount(key.spent_30d)],
  ["Spend limit", spendMeter(key)],
  ...limitFacts(key).filter(([name]) => name !== "Spending"),
  ...lastUseFacts(key, "/ui/requests"),
  ["Created", at(key.created_at)],
  ["Expires", key.expires_at ? at(key.expires_at) : never],
  key.revoked_at && ["Revoked", at(key.revoked_at)],
];
