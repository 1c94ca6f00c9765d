// The newest lines of the statement: what came in, what was used, and the balance after each.

import { download } from "../../api.js";
import { amount, timeAgo } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { table } from "../../components/table.js";
import { signedMoney, exactMoney } from "../../format.js";
import { html } from "../../html.js";

const KINDS = {
  usage: "Usage",
  credit: "Top-up",
  grant: "Grant",
  adjust: "Adjustment",
  refund: "Refund",
  reverse: "Reversal",
};

export function statementLines({ data }) {
  if (!data.length)
    return html`<p class="panel quiet">Nothing was put in yet. Ask whoever gave you the key for a top-up.</p>`;
  return html`${table({
      caption: "Statement, newest first",
      rows: data,
      keyOf: (line) => `${line.at}-${line.entry_id ?? "usage"}`,
      columns: [
        {
          name: "kind",
          label: "What",
          primary: true,
          render: ({ kind, reason }) =>
            html`${KINDS[kind] ?? kind}${reason ? html`<span class="sub">${reason}</span>` : ""}`,
        },
        { name: "at", label: "When", render: ({ at }) => timeAgo(at) },
        {
          name: "amount",
          label: "Amount",
          align: "end",
          render: (line) =>
            html`<span class="amount" title=${exactMoney(line.amount)}>${signedMoney(line.amount)}</span>`,
        },
        { name: "balance_after", label: "Balance", align: "end", render: (line) => amount(line.balance_after) },
      ],
    })}<button type="button" class="button" @click=${() => download("/api/user/statement.csv", "statement.csv")}>
      ${icon("download")}Save the whole statement (CSV)
    </button>`;
}
