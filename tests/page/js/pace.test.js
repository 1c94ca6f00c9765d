import assert from "node:assert/strict";
import test from "node:test";

import { burnText, daysText, isRunningLow, paceText } from "../../../static/pace.js";

test("days are said whole and shortly", () => {
  assert.deepEqual([null, 0, 0.4, 1, 1.9, 11.7, 4000].map(daysText), [
    "–",
    "none",
    "less than a day",
    "1 day",
    "1 day",
    "11 days",
    "more than a year",
  ]);
});

test("what a day cost is taken from the days there were", () => {
  assert.equal(burnText({ spent_7d: "7.00", pace_days: 7 }), "$1.00");
  assert.equal(burnText({ spent_7d: "7.00", pace_days: 1 }), "$7.00");
  assert.equal(burnText({ spent_7d: "6", pace_days: 2.4 }), "$2.50");
  assert.equal(burnText({ spent_7d: "0", pace_days: null }), "$0.00");
  assert.equal(burnText({}), "–");
});

test("the pace says which days it is of", () => {
  assert.deepEqual(
    [7, 2.4, 1, null].map((days) => paceText({ pace_days: days })),
    ["last 7 days", "last 2.4 days", "last day", "last 7 days"],
  );
});

test("less than three days are few", () => {
  assert.deepEqual(
    [2.9, 3, 0, null].map((days) => isRunningLow({ days_left: days })),
    [true, false, true, false],
  );
});
