// The newest requests, each leading to its receipt.

import { withQuery } from "../../api.js";
import { fineAmount, outcomeBadge, quantity, timeAgo, took } from "../../components/bits.js";
import { table } from "../../components/table.js";
import { html, when } from "../../html.js";
import { promptTokens } from "./tokens.js";

export function recentRequests({ data }) {
  return table({
    caption: "Last requests, newest first",
    rows: data,
    keyOf: ({ request_id: id }) => id,
    hrefOf: ({ request_id: id }) => withQuery("/ui/me/usage", { open: id }),
    columns: [
      { name: "model", label: "Model", primary: true, render: ({ model }) => model },
      { name: "started_at", label: "When", render: ({ started_at: time }) => timeAgo(time) },
      { name: "outcome", label: "Outcome", render: outcome },
      {
        name: "input",
        label: "Tokens in",
        align: "end",
        wide: true,
        render: ({ tokens }) => quantity(promptTokens(tokens)),
      },
      {
        name: "output",
        label: "Tokens out",
        align: "end",
        wide: true,
        render: ({ tokens }) => quantity(tokens.output),
      },
      { name: "duration", label: "Took", align: "end", wide: true, render: ({ duration_ms: ms }) => took(ms) },
      { name: "cost", label: "Cost", align: "end", render: ({ cost }) => fineAmount(cost) },
    ],
  });
}

const outcome = ({ outcome: how, status, error_code: code }) =>
  html`${outcomeBadge(how)}${when(code, () => html`<span class="sub">${status} ${code}</span>`)}`;
