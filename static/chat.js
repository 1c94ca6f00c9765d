// A chat over any endpoint of the proxy: the body to send, and what each event of the answer says. Pure.

const ANTHROPIC_VERSION = "2023-06-01";
/** The limit where a format demands one and none is given. */
export const MAX_TOKENS_DEFAULT = 1024;

/** Endpoints that can chat, the one to take first. */
export const CHAT_ENDPOINTS = ["chat/completions", "messages", "responses"];

/**
 * Body and headers of a streamed request. `turns` are `{role: "user" | "assistant", text}`; `maxTokens` null: the
 * provider's own limit. `limitName`: what an OpenAI model calls its limit.
 */
export function chatRequest(endpoint, { model, system, turns, maxTokens, limitName = "max_tokens" }) {
  const messages = turns.map(({ role, text }) => ({ role, content: text }));
  if (endpoint === "messages") {
    return {
      headers: { "anthropic-version": ANTHROPIC_VERSION },
      body: {
        model,
        max_tokens: maxTokens ?? MAX_TOKENS_DEFAULT,
        ...(system ? { system } : {}),
        messages,
        stream: true,
      },
    };
  }
  if (endpoint === "responses") {
    return {
      headers: {},
      body: {
        model,
        ...(system ? { instructions: system } : {}),
        input: messages,
        ...(maxTokens ? { max_output_tokens: maxTokens } : {}),
        store: false,
        stream: true,
      },
    };
  }
  return {
    headers: {},
    body: {
      model,
      messages: [...(system ? [{ role: "system", content: system }] : []), ...messages],
      ...(maxTokens ? { [limitName]: maxTokens } : {}),
      stream: true,
    },
  };
}

/**
 * What an event of the stream says: any of `text` to append, `isThought` (it thinks before it answers), `stop` (why it
 * ended), `isDone`, `error` (`{message, code}`).
 */
export function readChatEvent(endpoint, { event, data }) {
  if (data === "[DONE]") return { isDone: true };
  let said;
  try {
    said = JSON.parse(data);
  } catch {
    return {};
  }
  if (said === null || typeof said !== "object") return {};
  if (said.error) return { error: failureIn(said) };
  return READERS[endpoint](said, event);
}

const READERS = { "chat/completions": readCompletion, messages: readMessage, responses: readResponse };

function readCompletion({ choices }) {
  const { delta, finish_reason: stop = null } = choices?.[0] ?? {};
  const isThought = Boolean(delta?.reasoning_content ?? delta?.reasoning);
  return { text: delta?.content ?? delta?.refusal ?? "", stop, isThought };
}

function readMessage(said) {
  if (said.type === "content_block_delta")
    return { text: said.delta?.text ?? "", isThought: said.delta?.type === "thinking_delta" };
  if (said.type === "message_delta") return { stop: said.delta?.stop_reason ?? null };
  return said.type === "message_stop" ? { isDone: true } : {};
}

const SPOKEN = new Set(["response.output_text.delta", "response.refusal.delta"]);
const THOUGHT = new Set(["response.reasoning_summary_text.delta", "response.reasoning_text.delta"]);

function readResponse(said) {
  if (SPOKEN.has(said.type)) return { text: said.delta ?? "" };
  if (THOUGHT.has(said.type)) return { isThought: true };
  if (said.type === "response.completed") return { isDone: true };
  if (said.type === "response.incomplete")
    return { isDone: true, stop: said.response?.incomplete_details?.reason ?? "incomplete" };
  if (said.type === "response.failed") return { error: failureIn(said.response ?? {}) };
  return said.type === "error" ? { error: { message: said.message, code: said.code ?? null } } : {};
}

/** The failure in an error body of either format: `{message, code}`. */
export function failureIn(body) {
  const error = body?.error ?? {};
  return {
    message: error.message ?? "The provider reported a failure.",
    code: error.code ?? error.details?.error_code ?? error.type ?? null,
  };
}

/** Whether a refusal asks for the newer name of the limit. Nothing was billed, so it can be asked again. */
export const wantsNewerLimit = (status, message) => status === 400 && /max_completion_tokens/.test(message ?? "");

/** Why an answer ended, in words; null for a plain end. */
export function stopText(stop) {
  if (["length", "max_tokens", "max_output_tokens"].includes(stop)) return "Cut off at the limit of tokens.";
  if (stop === "model_context_window_exceeded") return "Cut off: the conversation fills all that fits into the model.";
  if (["content_filter", "refusal"].includes(stop)) return "Ended by the provider's content filter.";
  return null;
}
