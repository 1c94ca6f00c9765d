import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldLabel, fieldText } from "../../../static/pages/audit/fields.js";
import { actionText, noteOf, sentenceOf, sentenceText } from "../../../static/pages/audit/sentences.js";

const AT = "2026-01-31T12:00:00Z";
const entry = (action, target, more = {}) => ({
  at: AT,
  action,
  target,
  target_name: null,
  before: null,
  after: null,
  ...more,
});

test("money that moved is told with its amount, to whom, and what was left", () => {
  const after = { entry: 7, kind: "credit", amount: "20.00", balance_after: "23.20", reason: "Invoice 7" };
  const credited = entry("ledger.record", "user/2", { target_name: "Ada", after });
  assert.deepEqual(sentenceOf(credited), {
    lead: "Credited $20.00 to",
    object: "Ada",
    href: "/ui/users/2?tab=statement",
    tone: "quiet",
  });
  assert.equal(noteOf(credited), "Invoice 7 · Balance $23.20");
  const taken = { ...credited, after: { kind: "adjust", amount: "-5", balance_after: "-1.5" } };
  assert.equal(sentenceText(taken), "Adjusted by −$5.00 the balance of Ada");
  assert.equal(noteOf(taken), "Balance now below zero, −$1.50");
  const reversed = entry("ledger.reverse", "user/2", { target_name: "Ada", after: { reverses: 18, amount: "-5" } });
  assert.equal(sentenceText(reversed), "Reversed entry 18 of Ada");
  // Entries of before kept less.
  assert.equal(sentenceText(entry("ledger.record", "user/2")), "Moved money of 2");
});

test("switching a user off is no mere change", () => {
  const said = (after) => sentenceText(entry("user.update", "user/2", { target_name: "Ada", after }));
  assert.equal(said({ disabled: true }), "Disabled user Ada");
  assert.equal(said({ disabled: false }), "Enabled user Ada");
  assert.equal(said({ disabled: true, note: "x" }), "Changed user Ada");
  assert.equal(noteOf(entry("user.update", "user/2", { after: { note: "x" } })), null);
});

test("a test tells what each upstream answered, and no JSON", () => {
  const after = {
    data: [
      { upstream: "north", ok: true, status: 200, message: "Accepts this key." },
      { upstream: "b", ok: false, status: 401, message: "" },
    ],
  };
  const tested = entry("provider.test", "provider/north", { after });
  assert.equal(sentenceText(tested), "Tested provider north");
  assert.equal(noteOf(tested), "north: Accepts this key. · b: failed with 401");
});

test("whoever is shown the door is named, and what a token was", () => {
  const ended = entry("session.revoke", "session/dana", { after: { id: 3, name: "dana", scope: "admin" } });
  assert.equal(sentenceText(ended), "Signed out dana");
  assert.deepEqual([sentenceOf(ended).href, sentenceOf(ended).tone, noteOf(ended)], ["/ui/access", "bad", ""]);
  assert.equal(sentenceText(entry("session.revoke", "session")), "Signed out an admin without a name");
  assert.equal(sentenceText(entry("token.revoke", "token/ci")), "Revoked token ci");
});

test("a rotation tells how long the old key works", () => {
  const note = (ends) => noteOf(entry("key.rotate", "key/3", { after: { new_key: 4, old_key_ends_at: ends } }));
  assert.equal(note("2026-02-01T12:00:00Z"), "The old one works until 2026-02-01 12:00:00 UTC.");
  assert.equal(note(AT), "The old one was revoked.");
});

test("what was done to nothing in particular has no object, and every place leads somewhere", () => {
  assert.deepEqual(sentenceOf(entry("session.refuse", "session", { after: { name: "eve" } })), {
    lead: "Gave a wrong password, as “eve”",
    object: null,
    href: null,
    tone: "bad",
  });
  assert.equal(sentenceText(entry("registry.hold", "*")), "Held the files off everything");
  assert.equal(sentenceOf(entry("registry.unhold", "1")).href, "/ui/registry");
  assert.equal(sentenceOf(entry("secret.create", "secret/provider.north")).href, "/ui/providers?open=north");
  assert.equal(sentenceText(entry("model.detach", "model/a/b")), "Took from the files model a/b");
  assert.equal(sentenceText(entry("something.new", "thing/1")), "something.new 1");
  assert.deepEqual(["settings.update", "ledger.reverse", "user.create", "unheard.of"].map(actionText), [
    "Changed the settings",
    "Reversed an entry",
    "Created user",
    "unheard.of",
  ]);
});

test("fields and values are said as the forms say them", () => {
  assert.deepEqual(
    [fieldLabel("rpm"), fieldLabel("pricing.output"), fieldLabel("x.y")],
    ["Requests a minute", "Output", "x.y"],
  );
  assert.equal(fieldText("spend_limit", "50.00"), "$50.00");
  assert.equal(fieldText("rpm", null), "no limit");
  assert.equal(fieldText("rpm", 1200), "1,200");
  assert.equal(fieldText("allowed_models", ["a", "b"]), "a, b");
  assert.equal(fieldText("expires_at", "2026-11-24T17:56:55.133092+00:00"), "2026-11-24 17:56:55 UTC");
  assert.equal(fieldText("pricing.input", "1.00"), "$1.00");
});
