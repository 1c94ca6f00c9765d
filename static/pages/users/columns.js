// The table of users: money first, then who and how they call.

import { withQuery } from "../../api.js";
import { amount, badge, timeAgo } from "../../components/bits.js";
import { menu } from "../../components/menu.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";
import { spentRange } from "../../range.js";
import { HOW, daysText } from "../../pace.js";
import { standingOf } from "./standing.js";

/** The orders that the page has, each with the column it stands under and its direction. Without one: newest first. */
export const SORTS = {
  name: { column: "name", order: "asc" },
  balance: { column: "balance", order: "asc" },
  spent_30d: { column: "spent_30d", order: "desc" },
  last_used_at: { column: "last_used", order: "desc" },
  id: { column: "created", order: "desc" },
};
export const STANDARD_SORT = "id";

const SPENT_DAYS = 30;
const never = html`<span class="quiet">never</span>`;
const email = (text) => html`<span class="sub one-line" title=${text}>${text}</span>`;

/** `actions`: `topUp(user)`, `createKey(user)`, `limit(user)`, `setDisabled(user, disabled)`. */
export function userColumns(actions) {
  return [
    {
      name: "name",
      label: "User",
      primary: true,
      sort: true,
      render: (user) => html`${user.name}${when(user.email, email)}`,
    },
    { name: "status", label: "Status", render: standingBadge },
    { name: "balance", label: "Balance", align: "end", sort: true, render: balance },
    { name: "spent_30d", label: "Spent 30 d", align: "end", sort: true, render: spent },
    { name: "keys", label: "Keys", align: "end", wide: true, render: keyCount },
    {
      name: "last_used",
      label: "Last used",
      sort: true,
      render: (user) => (user.last_used_at ? timeAgo(user.last_used_at) : never),
    },
    { name: "created", label: "Created", sort: true, wide: true, render: (user) => timeAgo(user.created_at) },
    { name: "actions", label: "Actions", align: "end", render: (user) => rowActions(user, actions) },
  ];
}

export function standingBadge(user) {
  const { text, tone, icon: name } = standingOf(user);
  return badge(text, tone, name);
}

const balance = (user) =>
  html`<span class="strong" data-tone=${standingOf(user).tone}>${amount(user.balance)}</span>${lasts(user)}`;

/** How long the balance lasts at the pace of late, where that can be said. */
function lasts(user) {
  return user.days_left === null || user.days_left <= 0
    ? ""
    : html`<span class="sub nowrap" title=${HOW}>lasts ${daysText(user.days_left)}</span>`;
}

/** The month leads to its requests; a second link below it would be too small a target. */
const spent = (user) =>
  html`<a
      class="plain"
      href=${withQuery("/ui/requests", { user_id: user.id, ...spentRange(SPENT_DAYS, Date.now()) })}
      aria-label=${`Requests of ${user.name}, ${SPENT_DAYS} days`}
      >${amount(user.spent_30d)}</a
    >${when(user.spent_30d !== "0", () => html`<span class="sub nowrap">${amount(user.spent_7d)} in 7 d</span>`)}`;

const keyCount = (user) =>
  html`<a class="plain" href=${`/ui/users/${user.id}?tab=keys`} aria-label=${`Keys of ${user.name}`}
    >${count(user.keys)}</a
  >`;

const rowActions = (user, actions) =>
  html`<span class="row-actions"
    ><button type="button" class="button" @click=${() => actions.topUp(user)} aria-label=${`Top up ${user.name}`}>
      Top up</button
    >${more(user, actions)}</span
  >`;

function more(user, actions) {
  return menu(
    `More for ${user.name}`,
    [
      { text: "Open", iconName: "right", href: `/ui/users/${user.id}` },
      { text: "Create key", iconName: "key", action: () => actions.createKey(user) },
      { text: "Limits", iconName: "sliders", action: () => actions.limit(user) },
      { text: "Requests", iconName: "list", href: withQuery("/ui/requests", { user_id: user.id }) },
      { text: "Statement", iconName: "book", href: `/ui/users/${user.id}?tab=statement` },
      user.disabled
        ? { text: "Enable", iconName: "play", action: () => actions.setDisabled(user, false) }
        : { text: "Disable", iconName: "stop", tone: "bad", action: () => actions.setDisabled(user, true) },
    ],
    `user-${user.id}`,
  );
}
