import assert from "node:assert/strict";
import test from "node:test";

import {
  addDecimals,
  compareDecimals,
  isDecimal,
  parseDecimal,
  roundDecimal,
  subtractDecimals,
  timesDecimal,
} from "../../../static/decimal.js";

test("sums are exact where floats are not", () => {
  assert.equal(addDecimals("0.1", "0.2"), "0.3");
  assert.equal(addDecimals("9007199254740993", "0.000000000000001"), "9007199254740993.000000000000001");
  assert.equal(addDecimals(), "0");
});

test("differences may be below zero, and never minus zero", () => {
  assert.equal(subtractDecimals("3.20", "5"), "-1.8");
  assert.equal(subtractDecimals("0.0", "0"), "0");
});

test("adding and taking away again is where one began", () => {
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647);
  const decimal = () => `${random() % 2 ? "-" : ""}${random() % 1000}.${String(random() % 1_000_000).padStart(6, "0")}`;
  for (let round = 0; round < 500; round += 1) {
    const [a, b] = [decimal(), decimal()];
    assert.equal(compareDecimals(subtractDecimals(addDecimals(a, b), b), a), 0, `${a} ${b}`);
  }
});

test("comparing looks at the number, not at its text", () => {
  assert.equal(compareDecimals("1.50", "1.5"), 0);
  assert.equal(compareDecimals("-0.1", "0"), -1);
  assert.equal(compareDecimals("10", "9.999999"), 1);
});

test("halves are rounded away from zero", () => {
  assert.equal(roundDecimal("1.005", 2), "1.01");
  assert.equal(roundDecimal("-1.005", 2), "-1.01");
  assert.equal(roundDecimal("2", 2), "2.00");
  assert.equal(roundDecimal("0.004", 2), "0.00");
});

test("what is no decimal is refused: exponents, words, nothing", () => {
  for (const text of ["2e-7", "NaN", "", "1,5", ".5", "1.", "0x10", "١"]) {
    assert.equal(isDecimal(text), false, text);
    assert.throws(() => parseDecimal(text), RangeError);
  }
});

test("so many times an amount is exact", () => {
  assert.equal(timesDecimal("5.00", 12), "60");
  assert.equal(timesDecimal("0.002094", 1000), "2.094");
  assert.equal(timesDecimal("-0.000000000001", 200), "-0.0000000002");
  assert.equal(timesDecimal("0", 5), "0");
});
