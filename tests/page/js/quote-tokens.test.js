// The tokens of a cost preview, as people type them.

import assert from "node:assert/strict";
import test from "node:test";

import { tokenCounts, tokenFaults } from "../../../static/pages/models/quote-tokens.js";

const TYPED = { input: "200,001", output: " 5_000", cached_input: "0", cache_write: "", cache_write_1h: "many" };

test("groups of thousands are read, and what is none or zero is not asked for", () => {
  assert.deepEqual(tokenCounts(TYPED, Object.keys(TYPED)), { input: 200001, output: 5000 });
  assert.deepEqual(tokenCounts(TYPED, ["output"]), { output: 5000 });
});

test("what is no number is said, and an empty field is none", () => {
  assert.deepEqual([...tokenFaults(TYPED).keys()], ["cache_write_1h"]);
  assert.deepEqual([...tokenFaults({ input: "-1", output: "1.5", cached_input: "1e9" }).keys()].length, 3);
});
