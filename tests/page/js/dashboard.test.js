import assert from "node:assert/strict";
import { test } from "node:test";

import { attentionWords } from "../../../static/pages/dashboard/attention-words.js";
import {
  allTokens,
  bucketTotals,
  changeText,
  failureNote,
  failureShares,
  firstSteps,
  ownedName,
  spanText,
  waitNote,
  wholeBuckets,
} from "../../../static/pages/dashboard/words.js";

test("every kind that waits says what, and leads to where it is mended", () => {
  const unpriced = attentionWords({ kind: "unpriced_models", count: 5, models: ["a", "b", "c", "d"] });
  assert.equal(unpriced.text, "5 models need a price");
  assert.equal(unpriced.detail, "a, b, c and 2 more");
  assert.equal(unpriced.href, "/ui/models?view=unpriced");
  assert.equal(
    attentionWords({ kind: "users_out_of_money", count: 1, users: [{ name: "Olive" }] }).text,
    "1 user is out of money",
  );
  for (const kind of [
    "drift",
    "conflicts",
    "files_invalid",
    "upstream_failing",
    "spooled_settlements",
    "dead_letters",
    "some_new_kind",
  ]) {
    const { text, href, action } = attentionWords({ kind, count: 2 });
    assert.ok(text && action && href.startsWith("/ui/"), kind);
  }
});

test("answers that nobody paid for are told with their models", () => {
  const { text, detail, href } = attentionWords({ kind: "unmetered_answers", count: 3, models: ["a", "b", "c", "d"] });
  assert.equal(text, "3 answers of the last day were not charged");
  assert.match(detail, /Models: a, b, c, …$/);
  assert.match(href, /outcome=no_usage&outcome=usage_invalid/);
});

test("a failing upstream is told with its figures", () => {
  const { detail } = attentionWords({
    kind: "upstream_failing",
    count: 1,
    upstreams: [{ name: "north", requests: 40, failures: 9, last_error: "500" }],
  });
  assert.equal(detail, "north: 9 of 40, last 500");
});

test("figures compare with the time before", () => {
  assert.equal(changeText("11", "10", "24 hours"), "+10 % on the 24 hours before");
  assert.equal(changeText(5, 10, "7 days"), "−50 % on the 7 days before");
  assert.equal(changeText(5, 5, "7 days"), "as in the 7 days before");
  assert.equal(changeText("5", "0", "7 days"), "none in the 7 days before");
  assert.equal(changeText(null, 3, "7 days"), null);
  assert.equal(spanText({ name: "24h", text: "Last 24 hours" }), "24 hours");
  assert.equal(spanText({ name: "today", text: "Today" }), "span");
});

test("a key is named with whose it is", () => {
  assert.equal(ownedName({ name: "default", owner: "Olive" }), "default of Olive");
  assert.equal(ownedName({ name: "cirrus", owner: null }), "cirrus");
});

test("reasoning is not counted twice", () => {
  assert.equal(allTokens({ input: 1, cached_input: 2, output: 3, reasoning: 2 }), 6);
});

const DATA = {
  buckets: [0, 1, 2],
  series: [
    { key: "completed", values: [9, 0, 0] },
    { key: "upstream_error", values: [1, 2, 0] },
    { key: "refused", values: [5, 0, 5] },
  ],
};

test("the share that failed leaves out what was refused here", () => {
  assert.deepEqual(failureShares(DATA, ["upstream_error"]), [0.1, 1, null]);
});

test("buckets are summed, money exactly", () => {
  assert.deepEqual(bucketTotals(DATA), [15, 2, 5]);
  assert.deepEqual(bucketTotals({ buckets: [0], series: [{ values: ["0.1"] }, { values: ["0.2"] }] }), ["0.3"]);
});

test("a line of how it went ends with the last whole bucket", () => {
  const buckets = [10, 11, 12, 13, 14].map((hour) => `2026-11-23T${hour}:00:00Z`);
  const data = { interval: "hour", buckets, series: [{ values: [1, 9, 9, 9, 1] }] };
  const cut = (from, to) => wholeBuckets(data, { from, to }).series[0].values;
  assert.deepEqual(cut("2026-11-23T10:30:00Z", "2026-11-23T14:30:00Z"), [9, 9, 9]);
  assert.deepEqual(cut("2026-11-23T10:00:00Z", "2026-11-23T15:00:00Z"), [1, 9, 9, 9, 1]);
  assert.deepEqual(
    wholeBuckets({ ...data, buckets: buckets.slice(0, 2) }, { from: "2026-11-23T10:30:00Z" }).series,
    data.series,
  );
});

test("the first steps tick themselves", () => {
  const done = (facts) =>
    firstSteps({ providers: [], models: [], users: [], hasUsage: false, ...facts }).map(({ isDone }) => isDone);
  assert.deepEqual(done({}), [false, false, false, false]);
  assert.deepEqual(done({ providers: [{}], models: [{ served: false }] }), [true, false, false, false]);
  assert.deepEqual(done({ models: [{ served: true }], users: [{ balance: "5", lifetime: { spent: "0" } }] }), [
    true,
    true,
    true,
    false,
  ]);
  assert.deepEqual(
    done({ models: [{ served: true }], users: [{ balance: "0", lifetime: { spent: "5" } }], hasUsage: true }),
    [true, true, true, true],
  );
});

test("a note compares with the time before only where there was one", () => {
  const quiet = { failure_rate: null, failed: 0, refused: 0, first_byte_ms: { p50: null, p95: null } };
  const busy = { failure_rate: 0.5, failed: 1, refused: 2, first_byte_ms: { p50: 40, p95: 90 } };
  assert.equal(failureNote(busy, quiet), "1 failed; 2 refused");
  assert.match(failureNote(quiet, busy), /^0 failed, 50.% before; 0 refused$/);
  assert.equal(waitNote(busy, quiet), "p95 90 ms");
  assert.equal(waitNote(busy, busy), "p95 90 ms, p50 before 40 ms");
  assert.equal(waitNote(quiet, busy), "Nothing was answered.");
});
