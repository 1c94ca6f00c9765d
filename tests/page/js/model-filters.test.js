import assert from "node:assert/strict";
import test from "node:test";

import {
  countViews,
  filterModels,
  isUnpriced,
  readFilters,
  sortModels,
  usageOf,
} from "../../../static/pages/models/filters.js";

const MODELS = [
  {
    key: "a",
    display_name: "Alpha",
    aliases: ["al"],
    provider: "one",
    pricing: { input: "10.00", output: "20.00" },
    enabled: true,
    served: true,
    registry: { state: "managed" },
  },
  {
    key: "b",
    display_name: "Beta",
    upstreams: { x: { provider: "two", actual_model: "beta-7" } },
    pricing: { free: true },
    enabled: true,
    served: true,
    registry: { state: "drifted" },
  },
  { key: "c", display_name: "Gamma", provider: "one", enabled: true, served: false, registry: { state: "ui" } },
  {
    key: "d",
    display_name: "Delta",
    provider: "one",
    pricing: { input: "9.00", output: "1.00" },
    enabled: false,
    served: false,
    registry: { state: "conflict" },
  },
];
const keys = (models) => models.map(({ key }) => key).join("");
const filtered = (text) => keys(filterModels(MODELS, readFilters(new URLSearchParams(text))));

test("views hold what needs a price and what differs from the file", () => {
  assert.deepEqual(countViews(MODELS), { unpriced: 1, conflict: 1, drift: 1 });
  assert.equal(isUnpriced(MODELS[1]), false);
  assert.equal(filtered("view=unpriced"), "c");
  assert.equal(filtered("view=drift"), "b");
  assert.equal(filtered("view=conflict"), "d");
});

test("filters narrow by text, provider, status and state", () => {
  assert.equal(filtered("q=BETA-7"), "b");
  assert.equal(filtered("q=al"), "a");
  assert.equal(filtered("provider=one"), "acd");
  assert.equal(filtered("status=refused"), "c");
  assert.equal(filtered("status=disabled"), "d");
  assert.equal(filtered("state=ui&provider=one"), "c");
});

test("prices sort as numbers, and what has none stands last", () => {
  const sorted = (text) => keys(sortModels(MODELS, readFilters(new URLSearchParams(text)).sort, () => null));
  assert.equal(sorted("sort=input"), "bdac");
  assert.equal(sorted("sort=-input"), "adbc");
  assert.equal(sorted(""), "abdc");
});

test("requests are found by every name of a model, in any case", () => {
  const usage = usageOf([
    { key: "ALPHA", requests: 3, failed: 1 },
    { key: "al", requests: 2, failed: 0 },
  ]);
  assert.deepEqual(usage(MODELS[0]), { requests: 5, failed: 1, names: ["ALPHA", "al"] });
  assert.equal(usage(MODELS[1]), null);
});
