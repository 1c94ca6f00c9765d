// The table of keys, the same on the page of all keys and on a user's.

import { amount, at, badge, timeAgo } from "../../components/bits.js";
import { menu } from "../../components/menu.js";
import { withQuery } from "../../api.js";
import { html } from "../../html.js";
import { openRotate, revokeKey } from "./actions.js";
import { openKeyEdit } from "./form.js";
import { limitFacts, limitWords, modelsText, shownKey, statusOf } from "./limits.js";

/** `changed(key)`: a row was written; `created(key)`: a new one is there. `withOwner` says whose each is. */
export function keyColumns({ changed, created, withOwner = true }) {
  return [
    {
      name: "name",
      label: "Key",
      primary: true,
      render: (key) => html`${key.name}<span class="sub mono">${shownKey(key)}</span>`,
    },
    ...(withOwner
      ? [
          {
            name: "owner",
            label: "Owner",
            render: (key) => html`<a href=${`/ui/users/${key.user_id}`}>${key.user_name ?? `User ${key.user_id}`}</a>`,
          },
        ]
      : []),
    { name: "status", label: "Status", render: (key) => statusBadge(key) },
    {
      name: "spent_30d",
      label: "Spent 30 d",
      align: "end",
      render: (key) =>
        html`<a class="plain" href=${withQuery("/ui/requests", { key_id: key.id, range: "30d" })}
          >${amount(key.spent_30d)}</a
        >`,
    },
    {
      name: "last_used",
      label: "Last used",
      render: (key) => (key.last_used_at ? timeAgo(key.last_used_at) : html`<span class="quiet">never</span>`),
    },
    {
      name: "models",
      label: "May use",
      wide: true,
      render: (key) =>
        html`<span class="nowrap" title=${key.allowed_models?.join(", ") ?? ""}>${modelsText(key.allowed_models)}</span>
          ${limitWords(key).map((words) => html`<span class="sub">${words}</span>`)}`,
    },
    {
      name: "expires",
      label: "Expires",
      wide: true,
      render: (key) => (key.expires_at ? timeAgo(key.expires_at) : html`<span class="quiet">never</span>`),
    },
    { name: "actions", label: "Actions", align: "end", render: (key) => keyMenu(key, { changed, created }) },
  ];
}

export function statusBadge(key) {
  const { text, tone, icon } = statusOf(key, Date.now());
  return badge(text, tone, icon);
}

export function keyMenu(key, { changed, created }) {
  const isLive = key.status === "active";
  return menu(
    `More for key ${key.name}`,
    [
      { text: "Requests with it", iconName: "list", href: withQuery("/ui/requests", { key_id: key.id }) },
      key.status !== "revoked" && { text: "Edit", iconName: "edit", action: () => openKeyEdit(key, { done: changed }) },
      isLive && {
        text: "Rotate",
        iconName: "refresh",
        action: () => openRotate(key, { done: (fresh) => created(fresh) }),
      },
      key.status !== "revoked" && {
        text: "Revoke",
        iconName: "stop",
        tone: "bad",
        action: () => revokeKey(key, { done: () => changed({ ...key, status: "revoked" }) }),
      },
    ],
    `key-${key.id}`,
  );
}

/** What else there is to know of a key, for the drawer. */
export const keyFacts = (key) => [
  ["Key", html`<code>${shownKey(key)}</code>`],
  ["Owner", html`<a href=${`/ui/users/${key.user_id}`}>${key.user_name ?? `User ${key.user_id}`}</a>`],
  ["Status", statusBadge(key)],
  ["Spent, 30 days", amount(key.spent_30d)],
  ["Last used", key.last_used_at ? at(key.last_used_at) : "never"],
  ...limitFacts(key),
  ["Created", at(key.created_at)],
  ["Expires", key.expires_at ? at(key.expires_at) : "never"],
  key.revoked_at && ["Revoked", at(key.revoked_at)],
];
