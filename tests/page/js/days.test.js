import assert from "node:assert/strict";
import { test } from "node:test";

import { startOfDay, startOfDaysAgo, startOfMonth } from "../../../static/days.js";

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
