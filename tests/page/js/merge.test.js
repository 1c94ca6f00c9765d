import assert from "node:assert/strict";
import test from "node:test";

import { choose, differences, merged, overlaps } from "../../../static/documents/merge.js";

const ORIGINAL = { "pricing.input": "1.00", "pricing.output": "2.00", description: "a", "limits.timeout": "60s" };

test("fields of one side alone merge by themselves, and nothing is lost", () => {
  const theirs = { ...ORIGINAL, description: "b" };
  const yours = { ...ORIGINAL, "limits.timeout": "90s" };
  assert.deepEqual(merged(ORIGINAL, theirs, yours), { ...ORIGINAL, description: "b", "limits.timeout": "90s" });
  assert.deepEqual(
    differences(ORIGINAL, theirs, yours).map(({ path, by }) => [path, by]),
    [
      ["description", "theirs"],
      ["limits.timeout", "yours"],
    ],
  );
});

test("a field that both changed waits for a choice", () => {
  const theirs = { ...ORIGINAL, "pricing.output": "3.00" };
  const yours = { ...ORIGINAL, "pricing.output": "4.00", description: "c" };
  assert.equal(merged(ORIGINAL, theirs, yours), null);
  assert.equal(merged(ORIGINAL, theirs, yours, { "pricing.output": "yours" })["pricing.output"], "4.00");
  const taken = merged(ORIGINAL, theirs, yours, { "pricing.output": "theirs" });
  assert.equal(taken["pricing.output"], "3.00");
  assert.equal(taken.description, "c");
});

test("both to the same is no overlap", () => {
  const same = { ...ORIGINAL, description: "z" };
  const found = differences(ORIGINAL, same, { ...same });
  assert.deepEqual(overlaps(found), []);
  assert.equal(found[0].isAlike, true);
  assert.deepEqual(merged(ORIGINAL, same, same), same);
});

test("what one side took out stays out, and what one side added stays in", () => {
  const theirs = { ...ORIGINAL, "pricing.cached_input": "0.10" };
  const yours = { ...ORIGINAL };
  delete yours.description;
  const result = merged(ORIGINAL, theirs, yours);
  assert.equal("description" in result, false);
  assert.equal(result["pricing.cached_input"], "0.10");
});

test("taking out what the other changed is an overlap", () => {
  const yours = { ...ORIGINAL };
  delete yours.description;
  const found = differences(ORIGINAL, { ...ORIGINAL, description: "b" }, yours);
  assert.deepEqual(
    overlaps(found).map(({ path, yours: mine }) => [path, mine]),
    [["description", null]],
  );
  assert.equal(
    "description" in merged(ORIGINAL, { ...ORIGINAL, description: "b" }, yours, choose(found, "yours")),
    false,
  );
});

test("different prices of two hands are pointed out", () => {
  const found = differences(
    ORIGINAL,
    { ...ORIGINAL, "pricing.input": "9.00" },
    { ...ORIGINAL, "pricing.output": "8.00" },
  );
  assert.deepEqual(
    found.map(({ isShared }) => isShared),
    [true, true],
  );
});
