import assert from "node:assert/strict";
import { test } from "node:test";

import { amountOf, billOf, tierOf } from "../../../static/cost.js";

const PRICING = {
  input: "1.25",
  cached_input: "0.125",
  cache_write: "1.25",
  cache_write_1h: "1.25",
  output: "10.00",
  tiers: {
    200000: { input: "2.50", cached_input: "0.25", cache_write: "2.50", cache_write_1h: "2.50", output: "15.00" },
  },
};

test("tokens times price is exact where floats are not", () => {
  assert.equal(amountOf(3, "0.1"), "0.0000003");
  assert.equal(amountOf(1, "0.000001"), "0.000000000001");
  assert.equal(amountOf(123_456_789, "1.234567"), "152.415677625363");
  assert.equal(amountOf(0, "5"), "0");
});

test("a bill has a line for each dimension used, and they sum to the cost", () => {
  const bill = billOf({ input: 8, cached_input: 1200, output: 23 }, PRICING);
  assert.deepEqual(
    bill.lines.map(({ dimension, amount }) => [dimension, amount]),
    [
      ["input", "0.00001"],
      ["cached_input", "0.00015"],
      ["output", "0.00023"],
    ],
  );
  assert.equal(bill.cost, "0.00039");
  assert.equal(bill.tier, null);
});

test("a prompt above a threshold has that tier's rates on every line", () => {
  assert.equal(tierOf(PRICING, 200_000), null);
  assert.equal(tierOf(PRICING, 200_001), 200_000);
  const bill = billOf({ input: 1, cached_input: 200_000, output: 1 }, PRICING);
  assert.equal(bill.tier, 200_000);
  assert.deepEqual(
    bill.lines.map(({ price }) => price),
    ["2.50", "0.25", "15.00"],
  );
});

test("nothing used costs nothing", () => {
  assert.deepEqual(billOf({}, PRICING), { tier: null, lines: [], cost: "0" });
});
