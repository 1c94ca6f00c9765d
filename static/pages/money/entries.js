// The table of ledger entries.

import { amount, at, badge } from "../../components/bits.js";
import { exactMoney, signedMoney } from "../../format.js";
import { html } from "../../html.js";
import { kindText, kindTone } from "./movement.js";

/** Whether an entry can be taken back: once, and not if it takes one back itself. */
export const mayReverse = (entry) =>
  Boolean(entry.id) && entry.kind !== "usage" && entry.kind !== "reverse" && !entry.reversed_by;

/** `reverse(entry)` makes the button of it; without it there is none. */
export function entryColumns({ withUser = true, reverse = null }) {
  return [
    {
      name: "id",
      label: "Entry",
      primary: true,
      render: (entry) =>
        html`<span class="nowrap">Entry ${entry.id}</span><span class="sub">${at(entry.created_at)}</span>`,
    },
    ...(withUser
      ? [
          {
            name: "user",
            label: "User",
            render: (entry) =>
              html`<a href=${`/ui/users/${entry.user_id}?tab=statement`}
                >${entry.user_name ?? `User ${entry.user_id}`}</a
              >`,
          },
        ]
      : []),
    { name: "kind", label: "Kind", render: (entry) => badge(kindText(entry.kind), kindTone(entry.kind)) },
    {
      name: "amount",
      label: "Amount",
      align: "end",
      render: (entry) =>
        html`<span class=${entry.reversed_by ? "amount reversed" : "amount strong"} title=${exactMoney(entry.amount)}
          >${signedMoney(entry.amount)}</span
        >`,
    },
    { name: "after", label: "Balance after", align: "end", wide: true, render: (entry) => amount(entry.balance_after) },
    { name: "reason", label: "Reason", render: (entry) => why(entry) },
    { name: "actor", label: "By", wide: true, render: (entry) => entry.actor },
    ...(reverse
      ? [
          {
            name: "actions",
            label: "Actions",
            align: "end",
            render: (entry) =>
              mayReverse(entry)
                ? html`<button
                    type="button"
                    class="button"
                    data-kind="quiet"
                    aria-label=${`Reverse entry ${entry.id}`}
                    @click=${() => reverse(entry)}>
                    Reverse
                  </button>`
                : "",
          },
        ]
      : []),
  ];
}

function why({ reason, reverses, reversed_by: reversedBy }) {
  const link = reverses ? `Reverses entry ${reverses}` : reversedBy ? `Reversed by entry ${reversedBy}` : "";
  return html`${reason ?? html`<span class="quiet">–</span>`}${link ? html`<span class="sub">${link}</span>` : ""}`;
}
