import assert from "node:assert/strict";
import { test } from "node:test";

import { diagnosticsText, sizeText, withoutSecrets } from "../../../static/diagnostics.js";

const SYSTEM = {
  version: "0.1.0",
  python: "3.12.1",
  environment: "production",
  started_at: "2026-11-23T10:00:00Z",
  now: "2026-11-23T15:00:00Z",
  clock_skew_ms: 3,
  database: { kind: "external", version: "17.2", size_bytes: 1, migration: "20261123_09", is_latest: true },
  registry: { revision: 4, mode: "three-way", drift: 0, conflicts: [], holds: [] },
  workers: [
    { name: "host:1", version: "0.1.0", revision: 4, seen_at: "2026-11-23T15:00:00Z", in_flight: 2, backlog: 0 },
  ],
  upstreams: [
    {
      name: "openai",
      requests: 10,
      failures: 1,
      last_error: "401 for key sk-proj-abcdefgh123",
      last_error_at: "2026-11-23T14:59:00Z",
      p95_first_byte_ms: 800,
    },
  ],
  spool: { healthy: true, unsettled: 0 },
  dead_letters: 0,
};

test("what an operator needs is in it, and no secret", () => {
  const text = diagnosticsText({ system: SYSTEM, readiness: { status: "ready" }, where: "Firefox", now: "now" });
  for (const part of [
    "0.1.0",
    "external 17.2",
    "revision 4",
    "host:1",
    "openai: 10 requests, 1 failures",
    "Ready: ready",
  ])
    assert.ok(text.includes(part), part);
  assert.ok(!text.includes("abcdefgh"));
});

test("keys and passwords are taken out of any text", () => {
  assert.equal(
    withoutSecrets("postgresql://app:hunter2@db/x Bearer abc.def sk-ant-api03-xyz_123"),
    "postgresql://app:…@db/x Bearer … sk-…",
  );
});

test("sizes are said in the next unit", () => {
  assert.deepEqual([12, 999, 1000, 1_234_567, 840_000_000].map(sizeText), [
    "12 bytes",
    "999 bytes",
    "1.0 KB",
    "1.2 MB",
    "840 MB",
  ]);
});
