import assert from "node:assert/strict";
import test from "node:test";

import {
  documentOf,
  groupOf,
  knownPath,
  leavesOf,
  mergePatch,
  patchOf,
  shownPath,
  splitPath,
  tierThresholds,
  upstreamKeys,
} from "../../../static/documents/leaves.js";

const LONG = {
  display_name: "claude",
  upstreams: {
    "eu.west": { provider: "anthropic", actual_model: "x", priority: 0, weight: 100, enabled: true },
    spare: { api_format: "openai", api_url: "https://a.example/v1", priority: 1, weight: 70, enabled: false },
  },
  pricing: { input: "3.00", output: "15.00", tiers: { 200000: { input: "6.00", output: "22.50" } } },
  limits: { timeout: "60s" },
  aliases: ["c"],
  enabled: true,
};
const SHORT = {
  display_name: "gpt",
  provider: "openai",
  actual_model: "gpt-6",
  pricing: { free: true },
  enabled: true,
};

test("a document becomes leaves and the same document again, in both forms", () => {
  for (const document of [LONG, SHORT]) assert.deepEqual(documentOf("model", leavesOf("model", document)), document);
  const provider = {
    api_format: "openai",
    api_url: "https://a.example/v1",
    api_key: "${env:KEY}",
    headers: { "x-team": "a" },
  };
  assert.deepEqual(documentOf("provider", leavesOf("provider", provider)), provider);
});

test("what answers carry beside the document is no leaf", () => {
  assert.deepEqual(leavesOf("model", { key: "a", etag: "1.1", served: true, registry: {}, enabled: true }), {
    enabled: true,
  });
});

test("a second upstream makes the long form, and taking it out the short one", () => {
  const leaves = leavesOf("model", SHORT);
  const grown = { ...leaves, "upstreams.spare.provider": "other", "upstreams.spare.priority": 1 };
  const patch = patchOf(SHORT, documentOf("model", grown));
  assert.equal(patch.provider, null);
  assert.deepEqual(patch.upstreams.default, {
    provider: "openai",
    actual_model: "gpt-6",
    priority: 0,
    weight: 100,
    enabled: true,
  });
  assert.deepEqual(patchOf(documentOf("model", grown), SHORT), {
    upstreams: null,
    provider: "openai",
    actual_model: "gpt-6",
  });
});

test("a patch names only what changed, and null takes out", () => {
  const after = structuredClone(LONG);
  after.pricing.output = "16.00";
  delete after.pricing.tiers;
  delete after.aliases;
  delete after.upstreams.spare;
  assert.deepEqual(patchOf(LONG, after), {
    pricing: { output: "16.00", tiers: null },
    aliases: null,
    upstreams: { spare: null },
  });
  assert.deepEqual(patchOf(LONG, LONG), {});
});

test("the keys of upstreams may hold dots", () => {
  assert.deepEqual(splitPath("upstreams.eu.west.weight"), ["upstreams", "eu.west", "weight"]);
  assert.deepEqual(upstreamKeys(leavesOf("model", LONG)), ["eu.west", "spare"]);
});

test("paths are shown and known as the server writes them", () => {
  assert.equal(shownPath("model", "upstreams.default.provider"), "provider");
  assert.equal(shownPath("model", "upstreams.default.weight"), "upstreams.default.weight");
  assert.equal(knownPath("model", "api_url"), "upstreams.default.api_url");
  assert.equal(knownPath("provider", "api_url"), "api_url");
});

test("prices are one group, and tiers are listed from the lowest", () => {
  assert.equal(groupOf("pricing.tiers.200000.input"), "pricing");
  assert.equal(groupOf("upstreams.eu.west.api_url"), "upstreams.eu.west.connection");
  assert.deepEqual(tierThresholds({ "pricing.tiers.900.input": "1", "pricing.tiers.1000.input": "2" }), [
    "900",
    "1000",
  ]);
});

test("a merge patch takes out what is null and makes the tables that it needs", () => {
  const document = { description: "a", pricing: { input: "1.00" } };
  const patch = { description: null, pricing: { output: "2.00" }, limits: { timeout: "5s" }, tags: ["x"] };
  assert.deepEqual(mergePatch(document, patch), {
    pricing: { input: "1.00", output: "2.00" },
    limits: { timeout: "5s" },
    tags: ["x"],
  });
  assert.deepEqual(document, { description: "a", pricing: { input: "1.00" } });
});
