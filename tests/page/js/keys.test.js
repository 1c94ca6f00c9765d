import assert from "node:assert/strict";
import { test } from "node:test";

import {
  changesOf,
  expiryOf,
  keyBody,
  keyFaults,
  limitBody,
  limitFacts,
  limitFaults,
  limitWords,
  modelsText,
  shownKey,
  statusOf,
} from "../../../static/pages/keys/limits.js";
import { firstCalls } from "../../../static/pages/keys/snippets.js";
import { secretFile } from "../../../static/saving.js";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const NOTHING = {
  allowed_models: null,
  max_concurrency: null,
  rpm: null,
  tpm: null,
  spend_limit: null,
  spend_period: null,
};
const typed = {
  name: " ci ",
  expiry: "never",
  day: "",
  max_concurrency: "",
  rpm: "",
  tpm: "",
  spend_limit: "",
  spend_period: "",
  models: null,
};

test("a form becomes what the API takes: null is no limit, a number is a number", () => {
  assert.deepEqual(keyBody(typed, NOW), { name: "ci", expires_at: null, ...NOTHING });
  assert.equal(keyBody({ ...typed, max_concurrency: "4" }, NOW).max_concurrency, 4);
  assert.equal(keyBody({ ...typed, tpm: "1,000 000" }, NOW).tpm, 1_000_000);
  assert.deepEqual(limitBody({ ...typed, spend_limit: "20", spend_period: "week" }), {
    ...NOTHING,
    spend_limit: "20",
    spend_period: "week",
  });
  assert.deepEqual(limitBody({ ...typed, spend_period: "week" }), NOTHING);
  assert.equal(expiryOf("7", "", NOW), "2026-02-07T12:00:00.000Z");
  assert.equal(expiryOf("on", "2026-03-01", NOW), "2026-03-01T00:00:00Z");
});

test("what the server would refuse is said before it is sent", () => {
  assert.deepEqual(keyFaults(typed, NOW), {});
  const wrong = {
    name: " ",
    expiry: "on",
    day: "2026-01-31",
    max_concurrency: "0",
    rpm: "100001",
    tpm: "1.5",
    spend_limit: "0",
    models: [],
  };
  assert.deepEqual(Object.keys(keyFaults(wrong, NOW)).sort(), [
    "allowed_models",
    "day",
    "max_concurrency",
    "name",
    "rpm",
    "spend_limit",
    "tpm",
  ]);
  assert.match(limitFaults({ ...typed, rpm: "x" }).rpm, /from 1 to 100,000/);
});

test("only what differs is written", () => {
  const key = {
    ...NOTHING,
    name: "ci",
    expires_at: null,
    allowed_models: ["b", "a"],
    max_concurrency: 4,
    spend_limit: "12.50",
  };
  assert.deepEqual(changesOf(key, { ...key, allowed_models: ["a", "b"], spend_limit: "12.5" }), {});
  assert.deepEqual(changesOf(key, { ...key, allowed_models: null, max_concurrency: null }), {
    allowed_models: null,
    max_concurrency: null,
  });
});

test("limits are told in words, with what is left", () => {
  const one = {
    ...NOTHING,
    rpm: 1200,
    spend_limit: "12.50",
    spend_period: "month",
    spend_status: { spent: "2.50", left: "10.00", resets_at: null },
  };
  assert.deepEqual(limitWords(one), ["1,200 requests a minute", "$12.50 a month, $10.00 left"]);
  assert.deepEqual(limitWords(NOTHING), []);
  assert.deepEqual(
    limitFacts(NOTHING).map(([, words]) => words),
    ["All models", "no limit", "no limit", "no limit", "no limit"],
  );
});

test("a key is known by its ends and its state", () => {
  assert.equal(shownKey({ prefix: "sk-abcd", last4: "wxyz" }), "sk-abcd…wxyz");
  assert.equal(statusOf({ status: "active", expires_at: null }, NOW).text, "Active");
  assert.equal(statusOf({ status: "active", expires_at: "2026-02-01T12:00:00Z" }, NOW).text, "Expires soon");
  assert.equal(statusOf({ status: "revoked", expires_at: null }, NOW).text, "Revoked");
  const capped = { status: "active", refused_for: "spend_limit", spend_period: "day" };
  assert.deepEqual(statusOf(capped, NOW), {
    text: "Capped",
    tone: "bad",
    icon: "stop",
    why: "by its daily spend limit",
  });
  assert.equal(statusOf({ status: "active", refused_for: "user_disabled" }, NOW).text, "Refused");
  assert.equal(statusOf({ status: "revoked", refused_for: null }, NOW).text, "Revoked");
  assert.deepEqual([null, [], ["a"], ["a", "b", "c"]].map(modelsText), ["All models", "No model", "a", "3 models"]);
});

test("a new key comes with first calls that hold it", () => {
  const made = firstCalls({ key: "sk-x", origin: "https://h" });
  assert.equal(made.length, 4);
  for (const [, text] of made) assert.match(text, /sk-x/);
});

test("each client is shown with a model that it can reach", () => {
  const models = [
    { name: "gpt", endpoints: ["chat/completions"] },
    { name: "claude", endpoints: ["messages"] },
  ];
  const texts = Object.fromEntries(firstCalls({ key: "sk-x", origin: "https://h", models }));
  assert.match(texts["OpenAI SDK, Python"], /"gpt"/);
  assert.match(texts["Anthropic SDK, Python"], /"claude"/);
  assert.match(texts["Claude Code"], /ANTHROPIC_MODEL=claude/);
  assert.match(texts["OpenAI SDK, Python"], /\npython3 - <<'EOF'\n[^]*\nEOF$/);
  assert.match(
    Object.fromEntries(firstCalls({ key: "sk-x", origin: "https://h", models: models.slice(0, 1) }))["Claude Code"],
    /ANTHROPIC_MODEL=MODEL/,
  );
});

test("a file name holds nothing that leads elsewhere", () => {
  assert.equal(secretFile("key", "../../etc/passwd"), "key-etc-passwd.txt");
  assert.equal(secretFile("key", "ключ"), "key-quart-proxy.txt");
  assert.equal(secretFile("key", "ci-prod"), "key-ci-prod.txt");
});
