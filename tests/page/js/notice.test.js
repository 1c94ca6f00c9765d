import assert from "node:assert/strict";
import { test } from "node:test";

import { balanceNotice, daysText } from "../../../static/pages/me/notice.js";

test("nothing is said while there is enough, or while nothing was spent", () => {
  assert.equal(balanceNotice("5.00", 11.2), null);
  assert.equal(balanceNotice("0.01", null), null);
});

test("at zero and below, what happened, what still works and what to do", () => {
  const none = balanceNotice("0", null);
  assert.equal(none.tone, "bad");
  assert.deepEqual(
    none.lines.map(([heading]) => heading),
    ["What happened", "What still works", "What to do"],
  );
  assert.equal(none.title, "Your balance is used up");
  assert.equal(balanceNotice("0", null, "2.5").title, "Your balance is used up");
  assert.equal(balanceNotice("0", null, "0").title, "There is no money yet");
  const below = balanceNotice("-0.000018", 0);
  assert.match(below.title, /−\$0\.000018/);
  assert.match(below.lines[0][1], /below zero/);
});

test("a few days before, a warning", () => {
  const soon = balanceNotice("1.50", 2.4);
  assert.equal(soon.tone, "warn");
  assert.match(soon.title, /2 days/);
});

test("days are said whole", () => {
  assert.deepEqual([0.2, 1, 1.9, 11.7, 4000].map(daysText), [
    "less than a day",
    "1 day",
    "1 day",
    "11 days",
    "more than a year",
  ]);
});
