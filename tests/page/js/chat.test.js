import assert from "node:assert/strict";
import { test } from "node:test";

import { MIDWAY, adviceFor } from "../../../static/advice.js";
import { chatRequest, failureIn, readChatEvent, stopText, wantsNewerLimit } from "../../../static/chat.js";

const CHAT = {
  model: "m",
  system: "Be brief.",
  turns: [
    { role: "user", text: "a" },
    { role: "assistant", text: "b" },
    { role: "user", text: "c" },
  ],
  maxTokens: 50,
};
const read = (endpoint, events) => {
  const said = events.map((event) =>
    readChatEvent(endpoint, {
      event: event.type ?? "message",
      data: typeof event === "string" ? event : JSON.stringify(event),
    }),
  );
  return {
    text: said.map(({ text }) => text ?? "").join(""),
    isDone: said.some(({ isDone }) => isDone),
    stop:
      said
        .map(({ stop }) => stop)
        .filter(Boolean)
        .at(-1) ?? null,
    error: said.find(({ error }) => error)?.error ?? null,
  };
};

test("Chat Completions: the system text is a message, and the limit goes by the name that the model knows", () => {
  const { body } = chatRequest("chat/completions", CHAT);
  assert.deepEqual(
    body.messages.map(({ role }) => role),
    ["system", "user", "assistant", "user"],
  );
  assert.equal(body.max_tokens, 50);
  assert.ok(body.stream);
  assert.equal(
    chatRequest("chat/completions", { ...CHAT, limitName: "max_completion_tokens" }).body.max_completion_tokens,
    50,
  );
  assert.deepEqual(Object.keys(chatRequest("chat/completions", { ...CHAT, system: "", maxTokens: null }).body), [
    "model",
    "messages",
    "stream",
  ]);
});

test("Messages: the system text stands beside the messages, and there is always a limit", () => {
  const { body, headers } = chatRequest("messages", CHAT);
  assert.equal(body.system, "Be brief.");
  assert.equal(body.messages.length, 3);
  assert.equal(chatRequest("messages", { ...CHAT, maxTokens: null }).body.max_tokens, 1024);
  assert.ok(headers["anthropic-version"]);
});

test("Responses: nothing is stored", () => {
  const { body } = chatRequest("responses", CHAT);
  assert.equal(body.store, false);
  assert.equal(body.instructions, "Be brief.");
  assert.equal(body.max_output_tokens, 50);
});

test("Chat Completions streams are read to the end", () => {
  const chunk = (delta, finish_reason = null) => ({ choices: [{ delta, finish_reason }] });
  const said = read("chat/completions", [
    chunk({ role: "assistant" }),
    chunk({ content: "Hi" }),
    chunk({ content: "!" }),
    chunk({}, "length"),
    { choices: [], usage: {} },
    "[DONE]",
  ]);
  assert.deepEqual(said, { text: "Hi!", isDone: true, stop: "length", error: null });
});

test("Messages streams are read to the end", () => {
  const said = read("messages", [
    { type: "message_start", message: {} },
    { type: "ping" },
    { type: "content_block_delta", delta: { type: "text_delta", text: "Hi" } },
    { type: "content_block_delta", delta: { type: "thinking_delta", thinking: "hm" } },
    { type: "message_delta", delta: { stop_reason: "end_turn" } },
    { type: "message_stop" },
  ]);
  assert.deepEqual(said, { text: "Hi", isDone: true, stop: "end_turn", error: null });
});

test("Responses streams are read to the end", () => {
  const said = read("responses", [
    { type: "response.created" },
    { type: "response.output_text.delta", delta: "Hi" },
    { type: "response.incomplete", response: { incomplete_details: { reason: "max_output_tokens" } } },
  ]);
  assert.deepEqual(said, { text: "Hi", isDone: true, stop: "max_output_tokens", error: null });
  assert.ok(read("responses", [{ type: "response.completed" }]).isDone);
  assert.equal(
    read("responses", [{ type: "response.failed", response: { error: { message: "no", code: "x" } } }]).error.code,
    "x",
  );
});

test("a failure inside a stream is told, whichever format it is in", () => {
  assert.deepEqual(read("chat/completions", [{ error: { message: "broke", code: "upstream_error" } }]).error, {
    message: "broke",
    code: "upstream_error",
  });
  assert.deepEqual(read("messages", [{ type: "error", error: { type: "api_error", message: "broke" } }]).error, {
    message: "broke",
    code: "api_error",
  });
});

test("what cannot be read is passed over", () => {
  for (const data of ["", "{", "null", "7", '"x"', "[]", "{}"])
    assert.equal(readChatEvent("chat/completions", { event: "message", data }).text ?? "", "");
});

test("an error body of either format has its sentence and its code", () => {
  assert.deepEqual(failureIn({ error: { message: "m", code: "insufficient_balance", type: "t" } }), {
    message: "m",
    code: "insufficient_balance",
  });
  assert.deepEqual(failureIn({ type: "error", error: { type: "billing_error", message: "m" } }), {
    message: "m",
    code: "billing_error",
  });
  assert.ok(failureIn(null).message);
});

test("only a limit that a model calls otherwise is asked again", () => {
  assert.ok(wantsNewerLimit(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."));
  assert.ok(!wantsNewerLimit(500, "max_completion_tokens") && !wantsNewerLimit(400, "no"));
});

test("ends and failures are said in words", () => {
  assert.equal(stopText("stop"), null);
  assert.match(stopText("max_tokens"), /limit/);
  assert.match(adviceFor({ status: 402, code: "insufficient_balance" }), /top-up/);
  assert.match(adviceFor({ status: 402, code: "spend_limit_exceeded" }), /limit/);
  assert.match(adviceFor({ status: 429, retryAfter: "3" }), /3 s/);
  assert.match(adviceFor({ status: 500 }), /Try again/);
  // What was told midway may have been billed.
  assert.doesNotMatch(adviceFor({ status: MIDWAY }), /billed/);
});

test("thinking is told from the answer in every format", () => {
  for (const [endpoint, event] of [
    ["chat/completions", { choices: [{ delta: { reasoning_content: "hm" } }] }],
    ["messages", { type: "content_block_delta", delta: { type: "thinking_delta", thinking: "hm" } }],
    ["responses", { type: "response.reasoning_summary_text.delta", delta: "hm" }],
  ]) {
    const said = readChatEvent(endpoint, { event: "message", data: JSON.stringify(event) });
    assert.ok(said.isThought && !said.text, endpoint);
  }
});
