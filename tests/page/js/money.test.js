import assert from "node:assert/strict";
import { test } from "node:test";

import { reconcile } from "../../../static/pages/money/books.js";
import { balanceAfter, movementFaults, readAmount } from "../../../static/pages/money/movement.js";
import { OnceWrite, onceTo } from "../../../static/pages/money/once.js";
import { standingOf, trouble } from "../../../static/pages/users/standing.js";

test("an amount is read as it is typed and never as a float", () => {
  assert.equal(readAmount(" $20 "), "20");
  assert.equal(readAmount("+0.10"), "0.10");
  assert.equal(readAmount("\u22125"), "-5");
  assert.equal(readAmount("$1,000.50"), "1000.50");
  assert.equal(readAmount("-12,345,678"), "-12345678");
  for (const typed of ["", "12,50", "1,00", "1,0000", ",100", "1.000,50", "1e3", "ten", ".", "1.2.3"])
    assert.equal(readAmount(typed), null, typed);
});

test("the preview is exact to the last digit", () => {
  assert.equal(balanceAfter("3.200000000001", "20"), "23.200000000001");
  assert.equal(balanceAfter("0.1", "0.2"), "0.3");
  assert.equal(balanceAfter("-1.50", "1.50"), "0");
  assert.equal(balanceAfter("1", "x"), null);
});

test("only an adjustment may take away, and it says why", () => {
  assert.deepEqual(movementFaults({ kind: "credit", amount: "20", reason: "" }), {});
  assert.ok(movementFaults({ kind: "credit", amount: "-20" }).amount);
  assert.ok(movementFaults({ kind: "adjust", amount: "-20", reason: " " }).reason);
  assert.deepEqual(movementFaults({ kind: "adjust", amount: "-20", reason: "typo" }), {});
  assert.ok(movementFaults({ kind: "grant", amount: "0.00" }).amount);
  assert.deepEqual(movementFaults({ kind: "grant", amount: "0.000000000001" }), {});
  assert.match(movementFaults({ kind: "grant", amount: "0.0000000000001" }).amount, /at most 12 decimals/);
  assert.match(movementFaults({ kind: "credit", amount: "1000000000000" }).amount, /below 1,000,000,000,000/);
});

/** A server of one line: `answers` are statuses to fail with, or null to take it. */
function server(answers) {
  const sent = [];
  const post = async (path, body, { headers }) => {
    sent.push({ path, body, key: headers["idempotency-key"] });
    const status = answers.shift() ?? null;
    if (status !== null) throw Object.assign(new Error("no"), { status });
    return { id: 7 };
  };
  return { sent, post };
}

test("a write without an answer is sent again as it was, with its key, whatever is typed since", async () => {
  const { sent, post } = server([0, 503, null]);
  const write = new OnceWrite("/a", post);
  await assert.rejects(write.send({ amount: "20" }));
  assert.equal(write.isUnknown, true);
  await assert.rejects(write.send({ amount: "30" }));
  assert.deepEqual(await write.send({ amount: "40" }), { id: 7 });
  assert.deepEqual(
    sent.map(({ body }) => body.amount),
    ["20", "20", "20"],
  );
  assert.equal(new Set(sent.map(({ key }) => key)).size, 1);
  assert.equal(write.isUnknown, false);
});

test("a dialog opened anew goes on with the write whose answer is not known", async () => {
  const { post } = server([0, null]);
  const first = onceTo("/b", post);
  await assert.rejects(first.send({ amount: "20" }));
  assert.equal(onceTo("/b", post), first);
  assert.notEqual(onceTo("/c", post), first);
  await first.send({});
  assert.notEqual(onceTo("/b", post), first);
});

test("a refusal ends the doubt, a lost session does not", async () => {
  const { post } = server([0, 401, 422]);
  const write = new OnceWrite("/d", post);
  await assert.rejects(write.send({ amount: "x" }));
  await assert.rejects(write.send({}));
  assert.equal(write.isUnknown, true);
  await assert.rejects(write.send({}));
  assert.equal(write.isUnknown, false);
});

test("a refusal at first leaves the fields open", async () => {
  const { sent, post } = server([422, null]);
  const write = new OnceWrite("/e", post);
  await assert.rejects(write.send({ amount: "-1" }));
  await write.send({ amount: "1" });
  assert.deepEqual(
    sent.map(({ body }) => body.amount),
    ["-1", "1"],
  );
});

test("the books agree only to the last digit", () => {
  assert.equal(reconcile({ credited: "100", used: "12.000000000001", outstanding: "87.999999999999" }).agrees, true);
  const off = reconcile({ credited: "100", used: "12", outstanding: "88.000000000001" });
  assert.deepEqual([off.agrees, off.difference, off.expected], [false, "0.000000000001", "88"]);
});

test("how a user stands is said in a word", () => {
  const user = { balance: "5.00", disabled: false, days_left: 30 };
  assert.equal(standingOf(user).text, "Active");
  assert.equal(standingOf({ ...user, days_left: 0.5 }).text, "Running low");
  assert.equal(standingOf({ ...user, balance: "0" }).text, "No money");
  assert.equal(standingOf({ ...user, balance: "-0.000001" }).text, "Overdrawn");
  assert.equal(standingOf({ ...user, disabled: true }).text, "Disabled");
  const capped = { ...user, spend_period: "month", spend_status: { spent: "5.01", left: "0", resets_at: null } };
  assert.equal(standingOf(capped).text, "Capped");
  assert.match(trouble(capped), /monthly spend limit is used up/);
  assert.equal(trouble(user), "");
  assert.match(trouble({ ...user, balance: "0" }), /402/);
});
