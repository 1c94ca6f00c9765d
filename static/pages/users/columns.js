// The table of users: money first, then who and how they call.

import { withQuery } from "../../api.js";
import { amount, badge, timeAgo } from "../../components/bits.js";
import { menu } from "../../components/menu.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";
import { daysText, standingOf } from "./standing.js";

/** The orders that the server knows, each with the column it stands under and its direction. */
export const SORTS = {
  name: { column: "name", down: false },
  balance: { column: "balance", down: false },
  spent_30d: { column: "spent_30d", down: true },
};

/** `actions`: `topUp(user)`, `createKey(user)`, `setDisabled(user, disabled)`. */
export function userColumns(actions) {
  return [
    {
      name: "name",
      label: "User",
      primary: true,
      sort: true,
      render: (user) =>
        html`${user.name}${when(user.email, () => html`<span class="sub one-line" title=${user.email}>${user.email}</span>`)}`,
    },
    {
      name: "balance",
      label: "Balance",
      align: "end",
      sort: true,
      render: (user) =>
        html`<span class="strong" data-tone=${standingOf(user).tone}>${amount(user.balance)}</span>${lasts(user)}`,
    },
    {
      name: "spent_7d",
      label: "Spent 7 d",
      align: "end",
      wide: true,
      render: (user) => spent(user, user.spent_7d, "7d"),
    },
    {
      name: "spent_30d",
      label: "Spent 30 d",
      align: "end",
      sort: true,
      render: (user) => spent(user, user.spent_30d, "30d"),
    },
    {
      name: "keys",
      label: "Keys",
      align: "end",
      wide: true,
      render: (user) =>
        html`<a class="plain" href=${`/ui/users/${user.id}?tab=keys`} aria-label=${`Keys of ${user.name}`}
          >${count(user.keys)}</a
        >`,
    },
    {
      name: "last_used",
      label: "Last used",
      wide: true,
      render: (user) => (user.last_used_at ? timeAgo(user.last_used_at) : html`<span class="quiet">never</span>`),
    },
    { name: "status", label: "Status", render: (user) => standingBadge(user) },
    {
      name: "actions",
      label: "Actions",
      align: "end",
      render: (user) =>
        html`<span class="row-actions"
          ><button type="button" class="button" @click=${() => actions.topUp(user)} aria-label=${`Top up ${user.name}`}>
            Top up</button
          >${more(user, actions)}</span
        >`,
    },
  ];
}

export function standingBadge(user) {
  const { text, tone, icon: name } = standingOf(user);
  return badge(text, tone, name);
}

/** How long the balance lasts at the pace of the last week, where that can be said. */
function lasts(user) {
  return user.days_left === null || user.days_left <= 0
    ? ""
    : html`<span class="sub nowrap">lasts ${daysText(user.days_left)}</span>`;
}

function spent(user, text, range) {
  return html`<a
    class="plain"
    href=${withQuery("/ui/requests", { user_id: user.id, range })}
    aria-label=${`Requests of ${user.name}, ${range}`}
    >${amount(text)}</a
  >`;
}

function more(user, actions) {
  return menu(
    `More for ${user.name}`,
    [
      { text: "Open", iconName: "right", href: `/ui/users/${user.id}` },
      { text: "Create key", iconName: "key", action: () => actions.createKey(user) },
      { text: "Requests", iconName: "list", href: withQuery("/ui/requests", { user_id: user.id }) },
      { text: "Statement", iconName: "book", href: `/ui/users/${user.id}?tab=statement` },
      user.disabled
        ? { text: "Enable", iconName: "play", action: () => actions.setDisabled(user, false) }
        : { text: "Disable", iconName: "stop", tone: "bad", action: () => actions.setDisabled(user, true) },
    ],
    `user-${user.id}`,
  );
}
