import assert from "node:assert/strict";
import { test } from "node:test";

import { fileName, readAsked } from "../../../static/pages/requests/asked.js";
import { chips, isFiltered, matches, readFilters, requestsOf } from "../../../static/pages/requests/filters.js";
import {
  advice,
  attemptText,
  curl,
  endpointPath,
  endpointText,
  errorSource,
  timeline,
  verdict,
} from "../../../static/pages/requests/words.js";

const read = (text) => readFilters(new URLSearchParams(text));
const ROW = {
  user_id: 3,
  key_id: 7,
  model: "gpt",
  endpoint: "/v1/messages",
  outcome: "refused",
  status: 402,
  error_code: "insufficient_balance",
  cost: "0",
};

test("filters are read from the address, and nonsense is left out", () => {
  const filters = read("user_id=3&outcome=refused&outcome=lost&status=4xx&status=abc&min_cost=-1&range=7d");
  assert.deepEqual(
    [filters.user_id, filters.outcome, filters.status, filters.min_cost],
    [["3"], ["refused"], ["4xx"], null],
  );
  assert.ok(isFiltered(filters));
  assert.ok(!isFiltered(read("range=7d&open=req_1")));
});

test("a row is tried as the API does", () => {
  for (const text of [
    "",
    "user_id=3",
    "user_id=9&user_id=3",
    "status=402",
    "status=4xx",
    "outcome=refused&error_code=insufficient_balance",
  ]) {
    assert.ok(matches(read(text), ROW), text);
  }
  for (const text of ["user_id=30", "model=gpt-2", "status=5xx", "min_cost=0.01", "endpoint=/v1/responses"]) {
    assert.ok(!matches(read(text), ROW), text);
  }
  assert.ok(matches(read("min_cost=0.01"), { ...ROW, cost: "0.01" }));
});

test("a request under way has no outcome to be filtered by", () => {
  const underWay = { user_id: 3, key_id: 7, model: "gpt", endpoint: "/v1/messages", state: "waiting" };
  assert.ok(matches(read("user_id=3"), underWay));
  assert.ok(!matches(read("outcome=completed"), underWay));
});

test("chips say each filter and how to be rid of it", () => {
  const found = chips(read("model=a&model=b&min_cost=0.5"), (name, value) => (value === "a" ? "Model A" : null));
  assert.deepEqual(
    found.map(({ text }) => text),
    ["Model A", "b", "$0.50"],
  );
  assert.deepEqual(found[0].without, { model: ["b"] });
});

test("an address of requests carries the filters along", () => {
  assert.equal(
    requestsOf("/ui/requests", { model: ["a", "b"], min_cost: null }, { outcome: "refused" }),
    "/ui/requests?model=a&model=b&outcome=refused",
  );
  assert.equal(requestsOf("/ui/requests", {}, {}), "/ui/requests");
});

test("a verdict says how it ended and what it cost", () => {
  assert.equal(
    verdict({ outcome: "completed", cost: "0.008292", duration_ms: 2400, status: 200 }),
    "Completed in 2.4 s; $0.008292 was charged.",
  );
  assert.match(verdict({ ...ROW, duration_ms: 4 }), /^Refused here with 402, .* nothing was charged\.$/);
  assert.match(
    verdict({ outcome: "upstream_error", cost: "0", upstream_status: 429, duration_ms: 30 }),
    /provider answered 429 after 30 ms; nothing/,
  );
});

test("an error has a source", () => {
  assert.deepEqual(
    ["completed", "refused", "upstream_error", "aborted_unmetered"].map((outcome) => errorSource({ outcome })),
    [null, "gateway", "upstream", "client"],
  );
});

test("the time it took is in parts", () => {
  assert.deepEqual(
    timeline({ first_byte_ms: 250, duration_ms: 1000, streamed: true }).map(({ share }) => share),
    [0.25, 0.75],
  );
  assert.equal(timeline({ first_byte_ms: null, duration_ms: 40, streamed: true }).length, 1);
  assert.deepEqual(timeline({ first_byte_ms: 1, duration_ms: null }), []);
});

const VAIN = [
  { upstream: "north", status: 500, error: "upstream_error", after_ms: 100, pause_ms: 0 },
  { upstream: "south", status: null, error: "upstream_unreachable", after_ms: 300, pause_ms: 100 },
];

test("attempts in vain come first in the time it took, each with what came of it", () => {
  const ended = { first_byte_ms: 600, duration_ms: 1000, streamed: true, outcome: "completed", attempts: VAIN };
  const parts = timeline(ended);
  assert.deepEqual(
    parts.map(({ name, ms, kind }) => [name, ms, kind]),
    [
      ["Attempt 1", 100, "failed"],
      ["Attempt 2", 200, "failed"],
      ["Pause", 100, "pause"],
      ["Until the first token", 200, "waiting"],
      ["Streaming", 400, "answer"],
    ],
  );
  assert.equal(parts[1].note, "south did not answer (upstream_unreachable)");
  assert.equal(
    parts.reduce((sum, { share }) => sum + share, 0),
    1,
  );
  const lost = timeline({ ...ended, first_byte_ms: null, outcome: "upstream_error" });
  assert.deepEqual(
    lost.map(({ name, kind }) => [name, kind]),
    [
      ["Attempt 1", "failed"],
      ["Attempt 2", "failed"],
      ["Pause", "pause"],
      ["Attempt 3", "failed"],
    ],
  );
  // Where the end is not known, the attempts are.
  assert.equal(timeline({ ...ended, duration_ms: null }).length, 3);
});

test("a verdict tells of attempts in vain", () => {
  const row = { outcome: "completed", cost: "0", duration_ms: 1000, attempts: VAIN };
  assert.equal(verdict(row), "Completed in 1.0 s, after 2 attempts failed; nothing was charged.");
  assert.match(
    verdict({ ...row, outcome: "upstream_error", upstream_status: 503 }),
    /answered 503 after 1.0 s, and 2 attempts before it failed too;/,
  );
});

test("each API is asked in its own words", () => {
  const of = (endpoint) => curl({ endpoint, model: "m", streamed: false }, "");
  assert.match(of("completions"), /v1\/completions(.|\n)*"prompt"/);
  assert.match(of("chat/completions"), /v1\/chat\/completions(.|\n)*"messages"/);
});

test("a request as curl has no key, and quotes what it is given", () => {
  const text = curl({ endpoint: "/v1/messages", model: "it's", streamed: true }, "http://host");
  assert.match(text, /^curl -N http:\/\/host\/v1\/messages \\\n/);
  assert.match(text, /x-api-key: \$API_KEY/);
  assert.match(text, /"model":"it'\\''s"/);
  assert.match(curl({ endpoint: "/v1/responses", model: "m", streamed: false }, ""), /Bearer \$API_KEY(.|\n)*"input"/);
});

test("an endpoint has a short name", () => {
  assert.equal(endpointText("/v1/messages"), "messages");
  assert.equal(endpointText("chat/completions"), "chat");
  assert.equal(endpointPath("chat/completions"), "/v1/chat/completions");
  assert.equal(endpointPath("/v1/messages"), "/v1/messages");
});

test("an admin is told what a refusal of this gateway may mean", () => {
  assert.match(advice({ error_code: "model_not_found" }), /it has no price/);
  assert.equal(advice({ error_code: "upstream_error" }), null);
});

test("an attempt in vain is told with what came of it", () => {
  assert.equal(
    attemptText({ upstream: "openai", status: 429, error: "upstream_rate_limited", after_ms: 120 }),
    "openai answered 429 (upstream_rate_limited)",
  );
  assert.equal(
    attemptText({ upstream: "spare", status: null, error: "upstream_unreachable", after_ms: 5000 }),
    "spare did not answer (upstream_unreachable)",
  );
});

test("an address asks for the same as long as nothing in it changes", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  const ask = (text, more = {}) => readAsked(new URLSearchParams(text), { isAdmin: true, now, zone: "UTC", ...more });
  assert.equal(ask("range=7d&open=req_1").key, ask("range=7d", { now: now + 5000 }).key);
  for (const text of ["range=30d", "range=7d&model=a", "range=7d&live=1"]) {
    assert.notEqual(ask(text).key, ask("range=7d").key, text);
  }
  assert.notEqual(ask("range=7d", { zone: "Asia/Tokyo" }).key, ask("range=7d").key);
  assert.deepEqual([ask("live=1").params.to, ask("").params.to], [null, "2026-11-23T12:00:00.000Z"]);
  assert.ok(!ask("live=1", { isAdmin: false }).isLive && !ask("live=1&from=2026-11-01T00:00:00Z").isLive);
  assert.equal(fileName(ask("range=7d").range, "UTC"), "requests-2026-11-16-2026-11-23.csv");
});
