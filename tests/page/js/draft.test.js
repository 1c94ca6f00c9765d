import assert from "node:assert/strict";
import test from "node:test";

import { Draft } from "../../../static/documents/draft.js";

const MODEL = {
  display_name: "gpt",
  provider: "openai",
  pricing: { input: "1.25", output: "10.00" },
  enabled: true,
  etag: "1.1",
};
const make = () => new Draft("model", MODEL, "1.1");

test("a draft of one document knows nothing of another's", () => {
  const one = make();
  one.type("pricing.output", "11");
  assert.equal(
    new Draft("model", { ...MODEL, pricing: { input: "2.00", output: "3.00" } }, "2.1").text("pricing.output"),
    "3.00",
  );
  assert.equal(one.text("pricing.output"), "11");
});

test("what is typed back to what is saved is no change", () => {
  const draft = make();
  draft.type("pricing.output", "11");
  assert.deepEqual(draft.patch, { pricing: { output: "11.00" } });
  draft.type("pricing.output", "$10");
  assert.equal(draft.isDirty, false);
  assert.deepEqual(draft.patch, {});
});

test("lists, times, numbers and flags are read as the document has them", () => {
  const draft = make();
  draft.type("aliases", "a, b,\na");
  draft.type("limits.timeout", "90");
  draft.type("limits.context_window", "200000");
  draft.type("enabled", false);
  assert.deepEqual(draft.patch, {
    aliases: ["a", "b"],
    limits: { timeout: "90s", context_window: 200000 },
    enabled: false,
  });
});

test("an empty field takes the leaf out", () => {
  const draft = make();
  draft.type("pricing.output", "");
  assert.deepEqual(draft.patch, { pricing: { output: null } });
});

test("faults are told while typing", () => {
  const draft = make();
  draft.type("pricing.output", "ten");
  draft.type("limits.timeout", "soon");
  assert.deepEqual([...draft.faults.keys()], ["pricing.output", "limits.timeout"]);
});

test("upstreams and tiers come and go", () => {
  const draft = make();
  draft.addUpstream("spare", { provider: "other", priority: "1" });
  assert.deepEqual(draft.upstreams, ["default", "spare"]);
  assert.deepEqual(draft.patch.upstreams.spare, { provider: "other", priority: 1, weight: 100, enabled: true });
  draft.dropUpstream("spare");
  assert.equal(draft.isDirty, false);
  draft.type("pricing.tiers.200000.input", "2.50");
  assert.deepEqual(draft.tiers, ["200000"]);
  draft.dropTier("200000");
  assert.equal(draft.isDirty, false);
});

test("merged leaves become what is typed over the new document", () => {
  const draft = new Draft("model", { ...MODEL, description: "theirs" }, "1.2");
  draft.say({ ...draft.original, "pricing.output": "12.00" });
  assert.deepEqual(draft.patch, { pricing: { output: "12.00" } });
  draft.say({ ...draft.original, description: null });
  assert.deepEqual(draft.patch, { description: null });
});

test("what is typed while a save is under way is told apart from what was sent", () => {
  const draft = make();
  draft.type("description", "sent");
  draft.type("pricing.output", "11");
  const sent = draft.typed;
  draft.type("description", "sent, and more");
  draft.type("tags", "new");
  assert.deepEqual(
    [...draft.typedSince(sent)],
    [
      ["description", "sent, and more"],
      ["tags", "new"],
    ],
  );
});
