import assert from "node:assert/strict";
import { test } from "node:test";

import { startOfDay, startOfDaysAgo, startOfMonth } from "../../../static/days.js";
import { asInput, fromInput, rangeFault, readRange, typedRange } from "../../../static/range.js";

const at = (text) => Date.parse(text);

test("in UTC", () => {
  assert.equal(startOfDay(at("2026-11-23T15:27:00Z"), "UTC"), "2026-11-23T00:00:00.000Z");
  assert.equal(startOfMonth(at("2026-11-23T15:27:00Z"), "UTC"), "2026-11-01T00:00:00.000Z");
  assert.equal(startOfDaysAgo(at("2026-03-01T10:00:00Z"), "UTC", 29), "2026-01-31T00:00:00.000Z");
});

test("where it is already tomorrow, and where it is still yesterday", () => {
  assert.equal(startOfDay(at("2026-11-23T23:30:00Z"), "Europe/Berlin"), "2026-11-23T23:00:00.000Z");
  assert.equal(startOfDay(at("2026-11-23T03:00:00Z"), "America/New_York"), "2026-11-22T05:00:00.000Z");
  assert.equal(startOfMonth(at("2026-11-30T23:30:00Z"), "Europe/Berlin"), "2026-11-30T23:00:00.000Z");
  assert.equal(startOfDay(at("2026-11-23T12:00:00Z"), "Asia/Kolkata"), "2026-11-22T18:30:00.000Z");
});

test("over a night in which clocks were set", () => {
  assert.equal(startOfMonth(at("2026-11-02T12:00:00Z"), "America/New_York"), "2026-11-01T04:00:00.000Z");
  assert.equal(startOfDay(at("2026-03-29T12:00:00Z"), "Europe/Berlin"), "2026-03-28T23:00:00.000Z");
  assert.equal(startOfDaysAgo(at("2026-03-30T12:00:00Z"), "Europe/Berlin", 1), "2026-03-28T23:00:00.000Z");
});

test("a range ends now, and days and months begin in the zone", () => {
  const now = at("2026-11-23T23:30:00Z");
  const read = (text, zone) => readRange(new URLSearchParams(text), now, "24h", zone);
  assert.deepEqual(
    [read("range=15m").from, read("range=15m").to],
    ["2026-11-23T23:15:00.000Z", "2026-11-23T23:30:00.000Z"],
  );
  assert.equal(read("range=today", "Europe/Berlin").from, "2026-11-23T23:00:00.000Z");
  assert.equal(read("range=month").from, "2026-11-01T00:00:00.000Z");
  assert.equal(read("range=lost").name, "24h");
  assert.equal(readRange(new URLSearchParams("range=lost"), now, "all").name, "24h");
  assert.deepEqual(read("from=2026-11-01T00:00:00Z").name, "custom");
});

test("times are typed in the zone that is shown, and an end that is not touched stays exact", () => {
  assert.equal(asInput("2026-11-23T23:30:59Z", "Europe/Berlin"), "2026-11-24T00:30");
  assert.equal(fromInput("2026-11-24T00:30", "Europe/Berlin"), "2026-11-23T23:30:00.000Z");
  const range = { from: "2026-11-23T10:00:05.123Z", to: "2026-11-23T12:00:00.000Z" };
  assert.deepEqual(typedRange(range, { from: "2026-11-23T10:00", to: "2026-11-23T11:00" }), {
    from: range.from,
    to: "2026-11-23T11:00:00.000Z",
  });
});

test("an address with its ends the other way round is put right", () => {
  const read = (text) => readRange(new URLSearchParams(text), at("2026-11-23T23:30:00Z"));
  const { from, to } = read("from=2026-11-20T00:00:00Z&to=2026-11-19T00:00:00Z");
  assert.deepEqual([from, to], ["2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"]);
  assert.equal(read("from=2026-11-20T00:00:00Z&to=2026-11-20T00:00:00Z").to, null);
});

test("a range that ends before it begins is none", () => {
  assert.match(rangeFault({ from: "2026-11-24T00:00:00Z", to: "2026-11-23T00:00:00Z" }), /end after it begins/);
  assert.equal(rangeFault({ from: "2026-11-24T00:00:00Z", to: null }), null);
});
