// The user's account like a bank's: every movement, what was used in between, and the balance after each.

import { get, withQuery } from "../../api.js";
import { amount, at, badge } from "../../components/bits.js";
import { exportButton } from "../../components/export.js";
import { icon } from "../../components/icons.js";
import { ListResource, emptyState, pager, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { signedMoney, exactMoney } from "../../format.js";
import { html } from "../../html.js";
import { kindText, kindTone } from "../money/movement.js";
import { openReverse } from "../money/reverse.js";
import { mayReverse } from "../money/entries.js";
import { openTopUp } from "../money/top-up.js";

export function statementTab({ id, signal, user, draw, reload }) {
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) => get(withQuery(`/api/admin/users/${id}/statement`, { cursor }), { signal: stop }),
    draw,
  );
  const topUp = () => openTopUp(user(), { done: reload });

  const columns = () => [
    { name: "at", label: "When", primary: true, render: (line) => at(line.at) },
    { name: "kind", label: "Kind", render: (line) => badge(kindText(line.kind), kindTone(line.kind)) },
    { name: "what", label: "What", render: (line) => what(line, id) },
    {
      name: "amount",
      label: "Amount",
      align: "end",
      render: (line) => html`<span class="amount" title=${exactMoney(line.amount)}>${signedMoney(line.amount)}</span>`,
    },
    {
      name: "balance",
      label: "Balance",
      align: "end",
      render: (line) => html`<span class="strong">${amount(line.balance_after)}</span>`,
    },
    {
      name: "actor",
      label: "By",
      wide: true,
      render: (line) => line.actor ?? html`<span class="quiet">requests</span>`,
    },
    {
      name: "actions",
      label: "Actions",
      align: "end",
      render: (line) =>
        mayReverse({ ...line, id: line.entry_id })
          ? html`<button
              type="button"
              class="button"
              data-kind="quiet"
              aria-label=${`Reverse entry ${line.entry_id}`}
              @click=${() => reverse(line)}>
              Reverse
            </button>`
          : "",
    },
  ];
  const rows = () =>
    html`${table({ caption: "Statement", columns: columns(), rows: list.rows, keyOf: lineKey })}${pager(list, "line")}`;
  const reverse = (line) =>
    openReverse({ id: line.entry_id, kind: line.kind, amount: line.amount }, user().name, { done: reload });

  return {
    load: () => list.load(),
    template: () =>
      html`<div class="toolbar">
          <p class="quiet">Newest first. Requests are summed between two entries; each line leads to them.</p>
          ${exportButton({
            text: "Export statement (CSV)",
            path: () => `/api/admin/users/${id}/statement.csv`,
            name: `statement-user-${id}.csv`,
            disabled: !list.rows.length,
            atEnd: true,
          })}
        </div>
        ${states(list, {
          data: rows,
          isEmpty: ({ data }) => !data.length,
          empty: emptyState({
            title: "Nothing has moved yet",
            iconName: "book",
            text: "The first top-up stands here, and then what was used.",
            action: html`<button type="button" class="button" data-kind="primary" @click=${topUp}>
              ${icon("plus")}Top up
            </button>`,
          }),
        })}`,
  };
}

const lineKey = (line) => (line.entry_id ? `entry-${line.entry_id}` : `usage-${line.at}`);

/** "Entry 19, reverses entry 18". */
const entryText = ({ entry_id: id, reverses, reversed_by: by }) =>
  [`Entry ${id}`, reverses && `reverses entry ${reverses}`, by && `reversed by entry ${by}`].filter(Boolean).join(", ");

function what(line, id) {
  if (line.kind === "usage") {
    return html`<a href=${withQuery("/ui/requests", { user_id: id, from: line.from, to: line.to ?? line.at })}
      >Requests charged</a
    >`;
  }
  return html`<span class=${line.reversed_by ? "reversed" : ""}
      >${line.reason ?? html`<span class="quiet">No reason given</span>`}</span
    >
    <span class="sub">${entryText(line)}</span>`;
}
