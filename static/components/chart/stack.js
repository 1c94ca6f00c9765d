// Series on top of each other, and their sums; sums of money stay exact. Pure.

import { addDecimals } from "../../decimal.js";

/** Every bar's pieces from the bottom up, `[[{series, value, from, to}, …], …]`; pieces of nothing are left out. */
export function stack(series, buckets) {
  return Array.from({ length: buckets }, (_, at) => {
    let top = 0;
    return series.flatMap((one, index) => {
      const value = Number(one.values[at] ?? 0);
      if (!(value > 0)) return [];
      const from = top;
      top += value;
      return [{ series: index, value: one.values[at], from, to: top }];
    });
  });
}

/** The highest bar, or the highest point of any line. */
export function highest(series, buckets, isStacked) {
  const sums = Array.from({ length: buckets }, (_, at) => {
    const values = series.map((one) => Number(one.values[at] ?? 0));
    return isStacked ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values);
  });
  return Math.max(0, ...sums);
}

/** The exact sum of numbers, or of decimal texts; null stands for nothing. */
export function sum(values) {
  const given = values.filter((value) => value !== null && value !== undefined);
  if (given.some((value) => typeof value === "string")) return addDecimals("0", ...given);
  return given.reduce((a, b) => a + b, 0);
}

/** The sum of every series in one bucket. */
export function bucketSum(series, at) {
  return sum(series.map((one) => one.values[at]));
}

/** Lines as runs of neighbouring points: a bucket without a value breaks the line. */
export function runs(values) {
  const found = [];
  let run = null;
  values.forEach((value, at) => {
    if (value === null || value === undefined) {
      run = null;
      return;
    }
    if (!run) found.push((run = []));
    run.push({ at, value: Number(value) });
  });
  return found;
}

export function isEmpty(data) {
  return (
    !data.buckets.length ||
    data.series.every((one) => one.values.every((value) => value === null || Number(value) === 0))
  );
}
