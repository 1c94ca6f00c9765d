import assert from "node:assert/strict";
import test from "node:test";

import { keyFault, keyOf, priceFault, priceOf, priceWarning } from "../../../static/documents/values.js";
import { renderFragment } from "../../../static/documents/yaml.js";

test("a price is read with its sign and its groups, and written as the server says it", () => {
  const cases = {
    1.25: "1.25",
    "$ 10": "10.00",
    "1,250.5": "1250.50",
    ".125": "0.125",
    "007": "7.00",
    "1.2500": "1.25",
  };
  for (const [typed, price] of Object.entries(cases)) assert.equal(priceOf(typed), price);
});

test("what is no price is said in a sentence", () => {
  assert.match(priceFault("1,25"), /after a point/);
  assert.match(priceFault("2e-7"), /exponent/);
  assert.match(priceFault("-1"), /negative/);
  assert.match(priceFault("0.0000001"), /6 digits/);
  assert.match(priceFault("1000000"), /below/);
  assert.match(priceFault("", { isRequired: true }), /needed/);
  assert.match(priceFault("0", { dimension: "input" }), /free/);
  assert.equal(priceFault("0", { dimension: "output" }), null);
  assert.equal(priceFault(""), null);
});

test("odd prices are pointed out and not refused", () => {
  assert.match(priceWarning({ input: "0.000002", output: "1.00" }), /per token/);
  assert.match(priceWarning({ input: "1.00", cached_input: "2.00" }), /swapped/);
  assert.equal(priceWarning({ input: "1.00", output: "2.00" }), null);
});

test("a key is made of a name", () => {
  assert.equal(keyOf("GPT-5 (mini)"), "gpt-5-mini");
  assert.equal(keyFault("gpt-5-mini"), null);
  assert.ok(keyFault("-x"));
});

test("a document is written as a fragment of the file", () => {
  const document = {
    display_name: "demo",
    provider: "openai",
    api_key: "${env:KEY}",
    pricing: { input: "1.25", output: "10.00", tiers: { 200000: { input: "2.50", output: "15.00" } } },
    system_prompt: { text: "One.\nTwo.\n", mode: "prepend" },
    tags: ["a", "true"],
    enabled: true,
  };
  assert.equal(
    renderFragment("models", "demo", document),
    `models:
  demo:
    display_name: demo
    provider: openai
    api_key: "\${env:KEY}"
    pricing:
      input: 1.25
      output: 10.00
      tiers:
        200000: {input: 2.50, output: 15.00}
    system_prompt:
      text: |
        One.
        Two.
      mode: prepend
    tags: [a, "true"]
    enabled: true
`,
  );
});
