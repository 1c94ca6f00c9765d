import assert from "node:assert/strict";
import { test } from "node:test";

import { expiryOf, keyBody, keyChanges, keyFaults, modelsText, shownKey, statusOf } from "../../../static/pages/keys/limits.js";
import { fileNameOf, firstCalls } from "../../../static/pages/keys/snippets.js";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const typed = { name: " ci ", expiry: "never", day: "", concurrency: "", models: null };

test("a form becomes what the API takes: null is no limit, a number is a number", () => {
  assert.deepEqual(keyBody(typed, NOW), { name: "ci", expires_at: null, allowed_models: null, max_concurrency: null });
  assert.equal(keyBody({ ...typed, concurrency: "4" }, NOW).max_concurrency, 4);
  assert.equal(expiryOf("7", "", NOW), "2026-02-07T12:00:00.000Z");
  assert.equal(expiryOf("on", "2026-03-01", NOW), "2026-03-01T00:00:00Z");
});

test("what the server would refuse is said before it is sent", () => {
  assert.deepEqual(keyFaults(typed, NOW), {});
  const faults = keyFaults({ name: " ", expiry: "on", day: "2026-01-31", concurrency: "0", models: [] }, NOW);
  assert.deepEqual(Object.keys(faults).sort(), ["allowed_models", "day", "max_concurrency", "name"]);
});

test("only what differs is written", () => {
  const key = { name: "ci", expires_at: null, allowed_models: ["b", "a"], max_concurrency: 4 };
  assert.deepEqual(keyChanges(key, { name: "ci", expires_at: null, allowed_models: ["a", "b"], max_concurrency: 4 }), {});
  assert.deepEqual(keyChanges(key, { name: "ci", expires_at: null, allowed_models: null, max_concurrency: null }), { allowed_models: null, max_concurrency: null });
});

test("a key is known by its ends and its state", () => {
  assert.equal(shownKey({ prefix: "sk-abcd", last4: "wxyz" }), "sk-abcd…wxyz");
  assert.equal(statusOf({ status: "active", expires_at: null }, NOW).text, "Active");
  assert.equal(statusOf({ status: "active", expires_at: "2026-02-01T12:00:00Z" }, NOW).text, "Expires soon");
  assert.equal(statusOf({ status: "revoked", expires_at: null }, NOW).text, "Revoked");
  assert.deepEqual([null, [], ["a"], ["a", "b", "c"]].map(modelsText), ["All models", "No model", "a", "3 models"]);
});

test("a new key comes with first calls that hold it", () => {
  const made = firstCalls({ key: "sk-x", origin: "https://h" });
  assert.equal(made.length, 4);
  for (const [, text] of made) assert.match(text, /sk-x/);
});

test("each client is shown with a model that it can reach", () => {
  const models = [{ name: "gpt", endpoints: ["chat/completions"] }, { name: "claude", endpoints: ["messages"] }];
  const texts = Object.fromEntries(firstCalls({ key: "sk-x", origin: "https://h", models }));
  assert.match(texts["OpenAI SDK, Python"], /"gpt"/);
  assert.match(texts["Anthropic SDK, Python"], /"claude"/);
  assert.match(texts["Claude Code"], /ANTHROPIC_MODEL=claude/);
  assert.match(texts["OpenAI SDK, Python"], /\npython3 - <<'EOF'\n[^]*\nEOF$/);
  assert.match(Object.fromEntries(firstCalls({ key: "sk-x", origin: "https://h", models: models.slice(0, 1) }))["Claude Code"], /ANTHROPIC_MODEL=MODEL/);
});

test("a file name holds nothing that leads elsewhere", () => {
  assert.equal(fileNameOf("../../etc/passwd"), "key-etc-passwd.txt");
  assert.equal(fileNameOf("ключ"), "key-quart-proxy.txt");
  assert.equal(fileNameOf("ci-prod"), "key-ci-prod.txt");
});
