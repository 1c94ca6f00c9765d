import assert from "node:assert/strict";
import test from "node:test";

import {
  ago,
  compact,
  count,
  duration,
  fineMoney,
  moment,
  money,
  percent,
  plural,
  price,
  signedMoney,
} from "../../../static/format.js";

test("money has two digits, groups, and a real minus", () => {
  assert.equal(money("1234.565"), "$1,234.57");
  assert.equal(money("0"), "$0.00");
  assert.equal(money("-3.2"), "−$3.20");
  assert.equal(money("1000000"), "$1,000,000.00");
  assert.equal(money(null), "–");
});

test("below a cent money keeps four significant digits and no exponent", () => {
  assert.equal(money("0.0000421"), "$0.0000421");
  assert.equal(money("0.00286525"), "$0.002865");
  assert.equal(money("-0.000000123456"), "−$0.0000001235");
  assert.equal(money("0.0099999"), "$0.01");
});

test("what one request cost keeps four significant digits below a dollar, and two after the point at least", () => {
  assert.equal(fineMoney("0.015325"), "$0.01533");
  assert.equal(fineMoney("0.5"), "$0.50");
  assert.equal(fineMoney("0.99999"), "$1.00");
  assert.equal(fineMoney("1.23456"), "$1.23");
  assert.equal(fineMoney("0"), "$0.00");
  assert.equal(fineMoney("-0.0421337"), "−$0.04213");
});

test("prices show every digit that is charged", () => {
  assert.equal(price("0.125"), "$0.125");
  assert.equal(price("3"), "$3.00");
  assert.equal(price("1250.5"), "$1,250.50");
});

test("signs are said where they matter", () => {
  assert.equal(signedMoney("5"), "+$5.00");
  assert.equal(signedMoney("-0.42"), "−$0.42");
  assert.equal(signedMoney("0"), "$0.00");
});

test("large counts are shortened, small ones are exact", () => {
  assert.equal(compact(9999), "9,999");
  assert.equal(compact(12_345), "12.3K");
  assert.equal(compact(1_234_567), "1.2M");
  assert.equal(compact(3_000_000_000), "3B");
  assert.equal(count(1204), "1,204");
  assert.equal(compact(null), "–");
});

test("shares, durations and plurals", () => {
  assert.equal(percent(0), "0 %");
  assert.equal(percent(0.0123), "1.2 %");
  assert.equal(percent(0.5), "50 %");
  assert.equal(duration(840), "840 ms");
  assert.equal(duration(2_400), "2.4 s");
  assert.equal(duration(200_000), "3 m 20 s");
  assert.equal(plural(1, "request"), "1 request");
  assert.equal(plural(2, "entry", "entries"), "2 entries");
});

test("how long ago, and how far ahead", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  assert.equal(ago("2026-01-31T11:59:59Z", now), "just now");
  assert.equal(ago("2026-01-31T11:59:48Z", now), "12 s ago");
  assert.equal(ago("2026-01-28T12:00:00Z", now), "3 d ago");
  assert.equal(ago("2026-01-31T12:05:00Z", now), "in 5 m");
});

test("a moment is said in its zone", () => {
  assert.equal(moment("2026-01-31T23:30:00Z", "UTC"), "2026-01-31 23:30:00");
  assert.equal(moment("2026-01-31T23:30:00Z", "Asia/Kolkata"), "2026-02-01 05:00:00");
});
