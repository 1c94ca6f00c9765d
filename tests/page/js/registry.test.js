import assert from "node:assert/strict";
import test from "node:test";

import {
  countsText,
  entityHref,
  parseAddress,
  parseEntity,
  priceStep,
  threeSides,
  undisputed,
  valueText,
} from "../../../static/pages/registry/words.js";

test("addresses keep the dots of a key", () => {
  assert.deepEqual(parseAddress("model.gpt-4.1/pricing"), { kind: "model", key: "gpt-4.1", group: "pricing" });
  assert.deepEqual(parseEntity("model/gpt-4.1"), { kind: "model", key: "gpt-4.1" });
  assert.equal(entityHref({ kind: "provider", key: "a b" }), "/ui/providers?open=a%20b");
});

test("three sides tell who changed what", () => {
  const rows = threeSides(
    { "pricing.output": "10" },
    { "pricing.output": "12" },
    { "pricing.output": "11", "pricing.input": "1" },
  );
  assert.deepEqual(rows, [
    { path: "pricing.input", base: undefined, live: undefined, file: "1", liveChanged: false, fileChanged: true },
    { path: "pricing.output", base: "10", live: "12", file: "11", liveChanged: true, fileChanged: true },
  ]);
});

test("what is in conflict is none of the live edits", () => {
  const drift = [
    { path: "pricing.input", is_disputed: true },
    { path: "aliases", is_disputed: false },
  ];
  assert.deepEqual(
    undisputed(drift).map(({ path }) => path),
    ["aliases"],
  );
});

test("a plan in one line, and nothing for an empty one", () => {
  assert.equal(countsText({ create: 2, update: 4, remove: 1, drift: 3 }), "+2 to add · ~4 to change · −1 to remove");
  assert.equal(countsText({ create: 0, update: 0 }), "");
});

test("prices stand in the order in which people say them, with how far they rose or fell", () => {
  const prices = { "pricing.cached_input": "1", "pricing.output": "10.00", "pricing.input": "4" };
  assert.deepEqual(
    threeSides(prices, prices, prices).map(({ path }) => path),
    ["pricing.input", "pricing.output", "pricing.cached_input"],
  );
  assert.equal(priceStep("pricing.output", "10.00", "11.20"), "+12.0 %");
  assert.equal(priceStep("pricing.output", "10.00", "2.5"), "\u221275.0 %");
  for (const [path, from, to] of [
    ["pricing.output", "10", "10.00"],
    ["pricing.output", "0", "1"],
    ["pricing.output", null, "1"],
    ["pricing.free", true, null],
    ["limits.context_window", 1000, 2000],
  ])
    assert.equal(priceStep(path, from, to), "");
});

test("values in words", () => {
  assert.equal(valueText(null), "not set");
  assert.equal(valueText(""), "empty");
  assert.equal(valueText(["a"]), '["a"]');
});
