import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { endpointName, firstModel, firstOf, readModels } from "../../../static/endpoints.js";
import { isLocal } from "../../../static/clients/local.js";
import { quoted, shellWord } from "../../../static/quoting.js";
import { CLIENTS, maskKey, snippetsOf } from "../../../static/snippets.js";

const HERE = { base: "https://llm.example.com", key: "sk-abcdefghijklmnop", model: "gpt-main" };
const HOSTILE = `a'b"c\\d $(id) \`x\` é\u2028🦆`;
const find = (name) => CLIENTS.find((client) => client.name === name);
const made = (name, values = {}) => {
  const client = find(name);
  return snippetsOf(client, { ...HERE, endpoint: client.endpoints[0], ...values });
};
const texts = (name, values) =>
  made(name, values)
    .blocks.map((block) => block.text ?? block.fields.flat().join("\n"))
    .join("\n");

test("every client's snippet has the address, the key and, unless it lists models itself, the model", () => {
  for (const client of CLIENTS) {
    const text = texts(client.name);
    assert.ok(text.includes(HERE.base), client.name);
    assert.ok(text.includes(HERE.key), client.name);
    assert.ok(client.name === "open-webui" || text.includes(HERE.model), client.name);
  }
});

test("clients of the Anthropic format get the address without /v1, all others with it", () => {
  for (const client of CLIENTS) {
    const isAnthropic = client.endpoints[0] === "messages";
    assert.equal(/example\.com\/v1/.test(texts(client.name)), !isAnthropic, client.name);
  }
});

test("a masked key is the only one in the text", () => {
  const masked = maskKey(HERE.key);
  assert.equal(masked, "sk-abcd...mnop");
  for (const client of CLIENTS) assert.ok(!texts(client.name, { key: masked }).includes("efghijkl"), client.name);
});

test("a shell reads any word as it was meant", () => {
  for (const word of ["plain", HOSTILE, "", "two words", "'", "-n", "a\nb"]) {
    assert.equal(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" }), word);
  }
});

test("Python and JSON read a quoted string as it was meant", () => {
  assert.equal(JSON.parse(quoted(HOSTILE)), HOSTILE);
  const read = execFileSync("python3", ["-c", `import sys; sys.stdout.buffer.write((${quoted(HOSTILE)}).encode())`], {
    encoding: "utf8",
  });
  assert.equal(read, HOSTILE);
  const toml = `import sys, tomllib; sys.stdout.buffer.write(tomllib.loads(sys.argv[1])["model"].encode())`;
  const config = made("codex", { model: HOSTILE }).blocks[0].text;
  assert.equal(execFileSync("python3", ["-c", toml, config], { encoding: "utf8" }), HOSTILE);
});

test("a model of any name comes through curl's shell whole", () => {
  const command = made("curl", { model: HOSTILE }).blocks[0].text.replace(/^curl/, "printf '%s\\n'");
  const printed = execFileSync("sh", ["-c", command], { encoding: "utf8" });
  assert.equal(JSON.parse(printed.split("\n").at(-2)).model, HOSTILE);
});

test("curl speaks the format of the endpoint", () => {
  assert.match(texts("curl", { endpoint: "messages" }), /x-api-key: sk-[^]*anthropic-version[^]*max_tokens/);
  assert.match(texts("curl", { endpoint: "responses" }), /\/v1\/responses[^]*Bearer[^]*"input"/);
});

test("Codex is told to speak Responses, under a provider name that is not reserved", () => {
  assert.match(texts("codex"), /wire_api = "responses"/);
  assert.deepEqual(find("codex").endpoints, ["responses"]);
});

test("how much fits into the model is told where that is known", () => {
  const [shell, settings] = made("claude-code", { context: 131072 }).blocks;
  assert.match(shell.text, /^export CLAUDE_CODE_MAX_CONTEXT_TOKENS=131072$/m);
  assert.equal(JSON.parse(settings.text).env.CLAUDE_CODE_MAX_CONTEXT_TOKENS, "131072");
  const [config] = made("codex", { context: 131072 }).blocks;
  assert.match(config.text, /^model_context_window = 131072\n[^]*\[model_providers/m);
  assert.doesNotMatch(texts("claude-code") + texts("codex"), /context/i);
});

test("Claude Code does not fall back on a vendor's key", () => {
  const [shell, settings] = made("claude-code").blocks;
  assert.match(shell.text, /^unset ANTHROPIC_API_KEY\n/);
  assert.equal(JSON.parse(settings.text).env.ANTHROPIC_API_KEY, "");
});

test("an address that only this machine reaches is said to be one", () => {
  for (const base of [
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://192.168.1.4:3000",
    "http://[::1]:3000",
    "http://172.20.0.2",
    "http://0.0.0.0:3000",
    "http://gateway:3000",
    "http://[fe80::1]",
  ])
    assert.ok(isLocal(base), base);
  for (const base of ["https://example.com", "http://172.32.0.1", "https://10.example.com"])
    assert.ok(!isLocal(base), base);
  assert.match(made("cursor", { base: "http://localhost:3000" }).notes.join(" "), /cannot reach/);
  assert.match(
    made("open-webui", { base: "http://localhost:3000" }).notes.join(" "),
    /host\.docker\.internal:3000\/v1/,
  );
});

test("endpoints are told whatever their spelling", () => {
  assert.deepEqual(["/v1/chat/completions", "v1/messages", "responses"].map(endpointName), [
    "chat/completions",
    "messages",
    "responses",
  ]);
  const [model] = readModels({ models: [{ name: "m", endpoints: ["/v1/messages"] }] });
  assert.equal(firstOf(model, ["chat/completions", "messages"]), "messages");
  assert.equal(firstOf(model, ["responses"]), null);
});

test("a model to talk to is offered first, and an embedding model where there is no other", () => {
  const model = (name, endpoints = ["chat/completions", "embeddings"]) => ({ name, endpoints });
  assert.equal(firstModel([model("attic-embed"), model("gpt")]).name, "gpt");
  assert.equal(firstModel([model("a-vector", ["embeddings"]), model("gpt")]).name, "gpt");
  assert.equal(firstModel([model("text-Embedding-3")]).name, "text-Embedding-3");
});
