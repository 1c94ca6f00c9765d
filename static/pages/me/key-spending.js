// What each key spent of late.

import { withQuery } from "../../api.js";
import { amount, quantity } from "../../components/bits.js";
import { table } from "../../components/table.js";
import { html } from "../../html.js";

export function keySpending({ data }, from) {
  if (!data.length) return html`<p class="panel quiet">No key was used in that time.</p>`;
  return table({
    caption: "Spend by key",
    rows: data,
    keyOf: ({ key }) => key,
    hrefOf: ({ key }) => withQuery("/ui/me/usage", { key_id: key, from }),
    columns: [
      { name: "name", label: "Key", primary: true, render: ({ name, key }) => name ?? `Key ${key}` },
      { name: "requests", label: "Requests", align: "end", render: ({ requests }) => quantity(requests) },
      { name: "cost", label: "Spent", align: "end", render: ({ cost }) => amount(cost) },
    ],
  });
}
