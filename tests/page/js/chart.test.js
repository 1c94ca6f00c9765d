import assert from "node:assert/strict";
import { test } from "node:test";

import { bucketEnd, bucketText, spanOf, tickText, zoneText } from "../../../static/components/chart/buckets.js";
import { bands, linear, niceTicks, plainNumber, spread } from "../../../static/components/chart/scale.js";
import { bucketSum, highest, isEmpty, runs, stack, sum } from "../../../static/components/chart/stack.js";
import { stepLink } from "../../../static/components/chart/steps.js";
import { chartCsv, csvCell, summary } from "../../../static/components/chart/words.js";

const HOURS = {
  metric: "cost",
  interval: "hour",
  tz: "UTC",
  buckets: ["2026-11-23T22:00:00Z", "2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z"],
  series: [
    { key: "a", name: "a", values: ["0.1", "0.2", "0"], total: "0.3" },
    { key: null, name: "Other", values: ["0", "0.1", "0"], total: "0.1" },
  ],
};

test("ticks are round and reach the highest value", () => {
  assert.deepEqual(niceTicks(9.3), [0, 5, 10]);
  assert.deepEqual(niceTicks(0.3), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(niceTicks(0), [0, 1]);
  for (const max of [1e-9, 0.00042, 0.07, 3, 17, 999, 12_431, 8e9]) {
    const ticks = niceTicks(max);
    assert.ok(ticks.at(-1) >= max && ticks.length >= 2 && ticks.length <= 6, `${max}: ${ticks}`);
  }
});

test("what is counted has whole ticks", () => {
  assert.deepEqual(niceTicks(2, 4, { whole: true }), [0, 1, 2]);
  assert.deepEqual(niceTicks(1, 4, { whole: true }), [0, 1]);
});

test("a number as text has no exponent", () => {
  assert.equal(plainNumber(2e-7), "0.0000002");
  assert.equal(plainNumber(20), "20");
});

test("a scale runs from its start to its end", () => {
  const y = linear(10, 200, 0);
  assert.deepEqual([y(0), y(5), y(10)], [200, 100, 0]);
  assert.equal(linear(0, 200, 0)(0), 200);
});

test("bars share the width, and labels stand where there is room", () => {
  const x = bands(4, 10, 100);
  assert.equal(x.step, 25);
  assert.equal(x.middle(0), 22.5);
  assert.deepEqual(spread(10, 25, 60), [0, 3, 6, 9]);
  assert.deepEqual(spread(2, 100, 60), [0, 1]);
});

test("pieces stand on each other, and nothing is no piece", () => {
  const [first, second, third] = stack(HOURS.series, 3);
  assert.deepEqual(
    first.map(({ series, from, to }) => [series, from, to]),
    [[0, 0, 0.1]],
  );
  assert.equal(second[1].from, second[0].to);
  assert.deepEqual(third, []);
  assert.equal(highest([{ values: [1, 5] }, { values: [2, 2] }], 2, true), 7);
  assert.equal(highest([{ values: [1, 5] }, { values: [2, null] }], 2, false), 5);
});

test("sums of money are exact", () => {
  assert.equal(sum(["0.1", "0.2"]), "0.3");
  assert.equal(sum([1, null, 2]), 3);
  assert.equal(bucketSum(HOURS.series, 1), "0.3");
});

test("a line breaks where there is no value", () => {
  assert.deepEqual(
    runs([1, null, 2, 3]).map((run) => run.map(({ at }) => at)),
    [[0], [2, 3]],
  );
});

test("a range with nothing in it is known", () => {
  assert.ok(isEmpty({ buckets: [], series: [] }));
  assert.ok(isEmpty({ buckets: ["x"], series: [{ values: ["0"] }, { values: [null] }] }));
  assert.ok(!isEmpty(HOURS));
});

test("buckets are named in the zone of the answer", () => {
  assert.equal(tickText(HOURS, 0), "22:00");
  assert.equal(tickText(HOURS, 2), "24 Nov");
  assert.equal(bucketText(HOURS, 1), "Mon 23 Nov, 23:00");
  assert.equal(tickText({ ...HOURS, tz: "Asia/Tokyo" }, 0), "07:00");
  assert.equal(bucketText({ ...HOURS, interval: "month" }, 0), "November 2026");
  assert.equal(zoneText(HOURS), "Hours in UTC");
});

test("a bucket ends where the next begins, the last one by its kind, and neither leaves the range", () => {
  assert.equal(bucketEnd(HOURS, 0), HOURS.buckets[1]);
  assert.equal(bucketEnd(HOURS, 2), "2026-11-24T01:00:00.000Z");
  assert.equal(bucketEnd({ interval: "month", buckets: ["2026-01-01T00:00:00Z"] }, 0), "2026-02-01T00:00:00.000Z");
  assert.deepEqual(spanOf(HOURS, 0, 1), { from: HOURS.buckets[0], to: HOURS.buckets[2] });
  const range = { from: "2026-11-23T22:30:00Z", to: "2026-11-24T00:10:00Z" };
  assert.deepEqual(spanOf(HOURS, 0, 2, range), range);
});

test("a chart can be said in one sentence", () => {
  const said = summary({ title: "Spend", kind: "bars", data: HOURS, format: (value) => `$${value}` });
  assert.equal(
    said,
    "Spend from Mon 23 Nov, 22:00 to Tue 24 Nov, 00:00: $0.4 in all, most in Mon 23 Nov, 23:00 with $0.3; a has $0.3 of it.",
  );
  assert.equal(
    summary({ title: "Spend", kind: "bars", data: { ...HOURS, series: [] }, format: String }),
    "Spend: nothing in this range.",
  );
  const lines = { ...HOURS, series: [{ name: "p50", values: [3, null, 2] }] };
  assert.match(
    summary({ title: "Latency", kind: "lines", data: lines, format: String }),
    /p50 between 2 and 3, last 2\./,
  );
});

test("the file holds what is drawn, and no formula", () => {
  assert.deepEqual(chartCsv(HOURS).split("\r\n").slice(0, 2), ["start (UTC),a,Other", "2026-11-23T22:00:00Z,0.1,0"]);
  assert.equal(csvCell("=1+1"), "'=1+1");
  assert.equal(csvCell("-0.5"), "-0.5");
  assert.equal(csvCell('a,"b"'), '"a,""b"""');
});

test("arrows lead from bar to bar and from piece to piece", () => {
  const links = [
    { bucket: 0, series: 0 },
    { bucket: 2, series: 0 },
    { bucket: 2, series: 1 },
    { bucket: 3, series: 1 },
  ];
  assert.equal(stepLink(links, 0, "ArrowRight"), 1);
  assert.equal(stepLink(links, 2, "ArrowRight"), 3);
  assert.equal(stepLink(links, 3, "ArrowLeft"), 2);
  assert.equal(stepLink(links, 1, "ArrowUp"), 2);
  assert.equal(stepLink(links, 2, "ArrowUp"), 2);
  assert.equal(stepLink(links, 0, "ArrowLeft"), 0);
  assert.equal(stepLink(links, 2, "Home"), 0);
  assert.equal(stepLink(links, 0, "x"), null);
});
