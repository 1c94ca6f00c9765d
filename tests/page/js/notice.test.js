import assert from "node:assert/strict";
import { test } from "node:test";

import { balanceNotice, limitNotice } from "../../../static/pages/me/notice.js";

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

const reached = { spend_limit: "20", spend_period: "day", spend_status: { spent: "20.5", left: "0" } };
const within = { spend_limit: "20", spend_period: "day", spend_status: { spent: "1", left: "19" } };

test("a limit that is reached is named, with when it begins anew", () => {
  const none = { spend_limit: null, spend_status: null };
  assert.equal(limitNotice({ key: within, limits: none }, "UTC"), null);
  const status = { ...reached.spend_status, resets_at: "2026-02-01T00:00:00.000Z" };
  const said = limitNotice({ key: { ...reached, spend_status: status }, limits: none }, "UTC");
  assert.match(said.title, /^This key/);
  assert.match(said.lines[0][1], /\$20\.00 a day, and has spent \$20\.50/);
  assert.match(said.lines[1][1], /at 2026-02-01 00:00 UTC/);
  const inAll = { ...reached, spend_period: null, spend_status: { ...status, resets_at: null } };
  assert.match(limitNotice({ key: within, limits: inAll }, "UTC").title, /^Your account/);
  assert.match(limitNotice({ key: within, limits: inAll }, "UTC").lines[1][1], /higher limit/);
});
