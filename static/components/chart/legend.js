// What a chart's colours stand for, with their sums; and the same values as a table.

import { html, when } from "../../html.js";
import { table } from "../table.js";
import { bucketText, zoneText } from "./buckets.js";
import { swatch } from "./small.js";
import { bucketSum, sum } from "./stack.js";

/** Totals of all that is drawn; of one bucket, while it is pointed at. */
export function legend({ data, format, kind, hrefOf }, at, colours) {
  const valueOf = (one) => (at === null ? one.total : one.values[at]);
  const whole =
    kind === "bars" && data.series.length > 1
      ? at === null
        ? sum(data.series.map((one) => one.total))
        : bucketSum(data.series, at)
      : null;
  return html`<p class="chart-foot">
      <span>${at === null ? "Whole range" : bucketText(data, at)}</span><span>${zoneText(data)}</span>
    </p>
    <ul class="chart-legend">
      ${data.series.map((one, index) => {
        const href = hrefOf?.(null, one);
        return html`<li>
          ${swatch(colours[index])} ${href ? html`<a href=${href}>${one.name}</a>` : html`<span>${one.name}</span>`}
          <span class="chart-value">${shown(valueOf(one), format)}</span>
        </li>`;
      })}
      ${when(whole !== null, () => wholeOf(format(whole)))}
    </ul>`;
}

const wholeOf = (text) => html`<li class="chart-sum"><span>Total</span> <span class="chart-value">${text}</span></li>`;

/** The same values as a real table. */
export function seriesTable({ title, data, format, kind, hrefOf }) {
  const rows = data.buckets.map((_, at) => ({ id: at }));
  const columns = [
    { name: "bucket", label: "Time", primary: true, render: ({ id }) => bucketText(data, id) },
    ...data.series.map((one, at) => ({
      name: `s${at}`,
      label: one.name,
      align: "end",
      render: ({ id }) => shown(one.values[id], format),
    })),
  ];
  const isSummed = kind === "bars" && data.series.length > 1;
  if (isSummed)
    columns.push({ name: "sum", label: "Total", align: "end", render: ({ id }) => format(bucketSum(data.series, id)) });
  const total = Object.fromEntries(data.series.map((one, at) => [`s${at}`, shown(one.total, format)]));
  if (isSummed) total.sum = format(sum(data.series.map((one) => one.total)));
  return html`<div class="chart-table">
    ${table({ caption: title, columns, rows, hrefOf: hrefOf ? ({ id }) => hrefOf(id, null) : null, total })}
  </div>`;
}

const shown = (value, format) => (value === null || value === undefined ? "–" : format(value));
