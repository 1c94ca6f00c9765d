import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldDiff, valueText } from "../../../static/field-diff.js";

test("only what differs is told, by its path", () => {
  const before = { name: "a", pricing: { input: "1", output: "2" }, aliases: ["x"] };
  const after = { name: "a", pricing: { input: "1", output: "3" }, aliases: ["x", "y"], note: "new" };
  assert.deepEqual(fieldDiff(before, after), [
    { path: "pricing.output", before: "2", after: "3" },
    { path: "aliases", before: ["x"], after: ["x", "y"] },
    { path: "note", before: undefined, after: "new" },
  ]);
});

test("a thing that was made or deleted has every field on one side", () => {
  assert.deepEqual(fieldDiff(null, { name: "a" }), [{ path: "name", before: undefined, after: "a" }]);
  assert.deepEqual(fieldDiff({ name: "a" }, null), [{ path: "name", before: "a", after: undefined }]);
  assert.deepEqual(fieldDiff(null, null), []);
});

test("lists of names, as some entries have them, are one value", () => {
  assert.deepEqual(fieldDiff(null, ["a", "b"]), [{ path: "", before: undefined, after: ["a", "b"] }]);
});

test("a list of objects is told by what is in them", () => {
  assert.deepEqual(fieldDiff({ upstreams: [{ key: "a", weight: 1 }] }, { upstreams: [{ key: "a", weight: 2 }] }), [
    { path: "upstreams.0.weight", before: 1, after: 2 },
  ]);
});

test("values are said in words", () => {
  assert.deepEqual([null, undefined, "", true, false, "x", 3, ["a"]].map(valueText), [
    "–",
    "–",
    "empty",
    "on",
    "off",
    "x",
    "3",
    '["a"]',
  ]);
});
