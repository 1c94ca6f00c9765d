import assert from "node:assert/strict";
import { test } from "node:test";

import {
  announcement,
  EMPTY_TAIL,
  heldText,
  reduceTail,
  ROWS_MAX,
  samplingText,
  seedTail,
  SHOWN_PER_SECOND,
} from "../../../static/pages/requests/tail.js";

const START = Date.parse("2026-11-23T12:00:00Z");
const row = (id, { second = id, outcome = "completed" } = {}) => ({
  request_id: `req_${id}`,
  outcome,
  started_at: new Date(START + second * 1000).toISOString(),
  duration_ms: 0,
});
const underWay = (id, state = "waiting") => ({ request_id: `req_${id}`, state });
const ids = (rows) => rows.map(({ request_id: id }) => Number(id.slice(4)));
const play = (...events) => events.reduce(reduceTail, EMPTY_TAIL);
const settled = (...rows) => ({ type: "settled", rows });
const progress = (now, ...rows) => ({ type: "progress", rows, now });

test("the newest stands first", () => {
  assert.deepEqual(ids(play(settled(row(1), row(2)), settled(row(3))).rows), [3, 2, 1]);
});

test("a row that comes twice is there once", () => {
  const state = play(settled(row(1)), settled(row(1), row(2)), settled(row(2)));
  assert.deepEqual(ids(state.rows), [2, 1]);
});

test("a row of the list is no news", () => {
  const state = reduceTail(seedTail([row(2), row(1)]), settled(row(2), row(3)));
  assert.deepEqual(ids(state.rows), [3, 2, 1]);
  assert.equal(state.unsaid.settled, 1);
});

test("a request goes from waiting over streaming to settled where it stands", () => {
  let state = play(progress(0, underWay(1)), settled(row(9)));
  assert.deepEqual(ids(state.rows), [9, 1]);
  assert.equal(state.rows[1].state, "waiting");
  state = reduceTail(state, progress(1000, underWay(1, "streaming")));
  assert.equal(state.rows[1].state, "streaming");
  state = reduceTail(state, settled(row(1)));
  assert.deepEqual(ids(state.rows), [9, 1]);
  assert.equal(state.rows[1].state, "settled");
});

test("a late word of progress does not undo an end", () => {
  const state = play(settled(row(1)), progress(0, underWay(1)));
  assert.deepEqual(
    state.rows.map(({ state: now }) => now),
    ["settled"],
  );
});

test("what is not spoken of any more goes after a while", () => {
  let state = play(progress(0, underWay(1)), progress(5000));
  assert.deepEqual(ids(state.rows), [1]);
  state = reduceTail(state, { type: "tick", now: 20_000 });
  assert.deepEqual(ids(state.rows), []);
  assert.deepEqual(ids(reduceTail(state, settled(row(1))).rows), [1]);
});

test("while paused new rows wait, ends still show, and resuming loses nothing", () => {
  let state = play(
    progress(0, underWay(1)),
    { type: "pause" },
    settled(row(2), row(1), row(3)),
    progress(1, underWay(4)),
  );
  assert.deepEqual(ids(state.rows), [1]);
  assert.equal(state.rows[0].state, "settled");
  assert.equal(state.held.length, 2);
  state = reduceTail(reduceTail(state, settled(row(2))), { type: "resume" });
  assert.deepEqual(ids(state.rows), [3, 2, 1]);
  assert.equal(state.held.length, 0);
});

test("500 rows are kept, and none under way is pushed out", () => {
  const many = Array.from({ length: 600 }, (_, at) => row(at + 10, { second: at }));
  const state = play(progress(0, underWay(1)), settled(...many));
  assert.equal(state.rows.length, ROWS_MAX);
  assert.equal(state.rows.at(-1).request_id, "req_1");
});

test("in a busy second some are left out, and it is said", () => {
  const rush = Array.from({ length: 87 }, (_, at) => row(at, { second: 3 }));
  const state = play(settled(...rush));
  assert.equal(state.rows.length, SHOWN_PER_SECOND);
  assert.match(samplingText(state, START + 3500), /showing 20 of 87 /);
  assert.equal(samplingText(state, START + 60_000), null);
  assert.equal(reduceTail(state, settled(row(200, { second: 4 }))).rows.length, SHOWN_PER_SECOND + 1);
});

test("in a busy second those that were seen under way count as well", () => {
  const seen = Array.from({ length: 15 }, (_, at) => underWay(at));
  const rush = Array.from({ length: 40 }, (_, at) => row(at, { second: 3 }));
  const state = play(progress(START, ...seen), settled(...rush));
  assert.equal(state.rows.length, SHOWN_PER_SECOND);
  assert.match(samplingText(state, START + 3500), /showing 20 of 40 /);
});

test("a list that is read anew does not end a pause", () => {
  const state = reduceTail(seedTail([row(1)], { isPaused: true }), settled(row(2)));
  assert.deepEqual(ids(state.rows), [1]);
  assert.equal(heldText(state), "1 new");
  assert.equal(heldText(seedTail([])), null);
  const many = Array.from({ length: 600 }, (_, at) => row(at + 10, { second: at }));
  assert.equal(heldText(reduceTail(state, settled(...many))), "500+ new");
});

test("what a broken connection missed is all shown", () => {
  const missed = Array.from({ length: 37 }, (_, at) => row(at, { second: at * 2 }));
  assert.equal(play(settled(...missed)).rows.length, 37);
});

test("screen readers hear at most every ten seconds", () => {
  let state = play(settled(row(1), row(2, { outcome: "refused" })));
  assert.equal(announcement(state, START), "2 new requests, 1 of them not completed.");
  state = reduceTail(state, { type: "said", now: START });
  assert.equal(announcement(state, START + 60_000), null);
  state = reduceTail(state, settled(row(3)));
  assert.equal(announcement(state, START + 9000), null);
  assert.equal(announcement(state, START + 10_000), "1 new request.");
});
