import assert from "node:assert/strict";
import test from "node:test";

import { matchRoute } from "../../../static/match-route.js";
import { asInput, fromInput, readRange, spentRange } from "../../../static/range.js";

const ROUTES = [{ path: "/ui" }, { path: "/ui/users" }, { path: "/ui/users/:id" }];

test("an address is one route, whatever slash it ends with", () => {
  assert.equal(matchRoute(ROUTES, "/ui/").route.path, "/ui");
  assert.equal(matchRoute(ROUTES, "/ui/users/").route.path, "/ui/users");
  assert.deepEqual(matchRoute(ROUTES, "/ui/users/7").params, { id: "7" });
});

test("parameters are decoded, and broken escapes are taken as they are", () => {
  assert.deepEqual(matchRoute(ROUTES, "/ui/users/a%2Fb").params, { id: "a/b" });
  assert.deepEqual(matchRoute(ROUTES, "/ui/users/%E0%A4%A").params, { id: "%E0%A4%A" });
});

test("other addresses are none", () => {
  assert.equal(matchRoute(ROUTES, "/ui/nothing"), null);
  assert.equal(matchRoute(ROUTES, "/ui/users/7/more"), null);
});

test("a named range ends now", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const range = readRange(new URLSearchParams("range=7d"), now);
  assert.equal(range.from, "2026-01-24T12:00:00.000Z");
  assert.equal(range.to, "2026-01-31T12:00:00.000Z");
});

test("an unknown range is the page's own, and ends given win", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  assert.equal(readRange(new URLSearchParams("range=year"), now, "30d").name, "30d");
  const custom = readRange(new URLSearchParams("range=7d&from=2026-01-01T00:00:00Z&to=never"), now);
  assert.deepEqual([custom.name, custom.from, custom.to], ["custom", "2026-01-01T00:00:00Z", null]);
});

test("what is typed as UTC comes back as it was", () => {
  assert.equal(fromInput(asInput("2026-01-31T12:34:00.000Z")), "2026-01-31T12:34:00.000Z");
  assert.equal(fromInput(""), null);
});

test("what was spent of late is found from the beginning of the hour in which its sum begins", () => {
  assert.deepEqual(spentRange(7, Date.parse("2026-01-31T12:34:56.789Z")), { from: "2026-01-24T12:00:00.000Z" });
});
