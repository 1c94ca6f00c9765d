// One model: every price and tier of it, by which doors it is reached, and what a request would cost.

import { withQuery } from "../../api.js";
import { amount, badge, facts, quantity, rate } from "../../components/bits.js";
import { table } from "../../components/table.js";
import { DIMENSIONS } from "../../cost.js";
import { endpointPath, formatName } from "../../endpoints.js";
import { compact, dimensionText } from "../../format.js";
import { html, keyed } from "../../html.js";
import { costCalculator } from "./calculator.js";

/** `endpoints` null: not known yet. `used`: its row of the ranking, or null. */
export function modelDrawer(model, { endpoints, used, from }) {
  const { name, pricing } = model;
  return html`<div class="actions">
      <a class="button" data-kind="primary" href=${withQuery("/ui/me/connect", { model: name })}>Connect a client</a>
      <a class="button" href=${withQuery("/ui/playground", { model: name })}>Try it in the playground</a>
    </div>
    ${facts([
      [
        "Called by",
        endpoints === null
          ? "–"
          : endpoints.length
            ? html`<span class="badges"
                >${endpoints.map((one) => badge(`${endpointPath(one)} · ${formatName(one)}`))}</span
              >`
            : "No endpoint at present",
      ],
      ["Context", tokens(model.context_window)],
      ["Longest answer", tokens(model.max_output_tokens)],
      [
        "Used by you, 30 days",
        used ? html`<a href=${withQuery("/ui/me/usage", { model: name, from })}>${amount(used.cost)}</a>` : "Not yet",
      ],
    ])}
    <section class="stack tight">
      <h3>Prices per 1M tokens</h3>
      ${prices(pricing)}
    </section>
    ${keyed(name, costCalculator(pricing))}`;
}

const tokens = (number) => (number === null ? "not stated" : html`${quantity(number)} tokens`);

function prices(pricing) {
  const thresholds = Object.keys(pricing.tiers ?? {})
    .map(Number)
    .sort((a, b) => a - b);
  return table({
    caption: "Prices per 1M tokens",
    rows: DIMENSIONS,
    keyOf: (name) => name,
    columns: [
      { name: "dimension", label: "Tokens", primary: true, render: dimensionText },
      {
        name: "base",
        label: thresholds.length ? `Prompts to ${compact(thresholds[0])}` : "Price",
        align: "end",
        render: (name) => rate(pricing[name]),
      },
      ...thresholds.map((threshold) => ({
        name: String(threshold),
        label: `Above ${compact(threshold)}`,
        align: "end",
        render: (name) => rate(pricing.tiers[threshold][name]),
      })),
    ],
  });
}
