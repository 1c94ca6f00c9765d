// A chart in one sentence, and as a file. Pure.

import { bucketText } from "./buckets.js";
import { bucketSum, isEmpty, sum } from "./stack.js";

/** What a chart shows, for whoever does not see it. `kind`: bars or lines. */
export function summary({ title, kind, data, format }) {
  if (isEmpty(data)) return `${title}: nothing in this range.`;
  const span = `from ${bucketText(data, 0)} to ${bucketText(data, data.buckets.length - 1)}`;
  return `${title} ${span}: ${kind === "lines" ? lineWords(data, format) : barWords(data, format)}.`;
}

function barWords(data, format) {
  const totals = data.buckets.map((_, at) => Number(bucketSum(data.series, at)));
  const peak = totals.indexOf(Math.max(...totals));
  const whole = format(sum(data.series.map((one) => one.total)));
  const most = `most in ${bucketText(data, peak)} with ${format(bucketSum(data.series, peak))}`;
  const first = data.series.length > 1 ? `; ${data.series[0].name} has ${format(data.series[0].total)} of it` : "";
  return `${whole} in all, ${most}${first}`;
}

function lineWords(data, format) {
  return data.series
    .filter((one) => one.values.some((value) => value !== null))
    .map((one) => {
      const values = one.values.filter((value) => value !== null);
      const sorted = [...values].sort((a, b) => Number(a) - Number(b));
      return `${one.name} between ${format(sorted[0])} and ${format(sorted.at(-1))}, last ${format(values.at(-1))}`;
    })
    .join("; ");
}

/** One piece of a bar, or one point of a line: `Tue 24 Nov, 14:00: cirrus $0.30`. */
export function pieceText({ data, format }, at, series) {
  return `${bucketText(data, at)}: ${data.series[series].name} ${format(data.series[series].values[at])}`;
}

/** Everything of one bucket. */
export function bucketWords({ data, format }, at) {
  return `${bucketText(data, at)}: ${data.series.map((one) => `${one.name} ${format(one.values[at])}`).join(", ")}`;
}

/** The drawn values as CSV: a row for each bucket, a column for each series. */
export function chartCsv(data) {
  const rows = [
    ["start (UTC)", ...data.series.map((one) => one.name)],
    ...data.buckets.map((start, at) => [start, ...data.series.map((one) => one.values[at] ?? "")]),
  ];
  return rows.map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

/** A cell that no spreadsheet takes for a formula. */
export function csvCell(value) {
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
