// A chat over any endpoint of the proxy: the body to send, and what each event of the answer says. Pure.

const ANTHROPIC_VERSION = "2023-06-01";
/** The limit where a format demands one and none is given. */
export const MAX_TOKENS_DEFAULT = 1024;

/** Endpoints that can chat, the one to take first. */
export const CHAT_ENDPOINTS = ["chat/completions", "messages", "responses"];

/**
 * Body and headers of a streamed request. `turns` are `{role: "user" | "assistant", text}`; `maxTokens` null: the provider's own
 * limit. `limitName`: what an OpenAI model calls its limit.
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

/** What an event of the stream says: any of `text` to append, `stop` (why it ended), `isDone`, `error` (`{message, code}`). */
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
  const choice = choices?.[0];
  return { text: choice?.delta?.content ?? "", stop: choice?.finish_reason ?? null };
}

function readMessage(said) {
  if (said.type === "content_block_delta") return { text: said.delta?.text ?? "" };
  if (said.type === "message_delta") return { stop: said.delta?.stop_reason ?? null };
  return said.type === "message_stop" ? { isDone: true } : {};
}

function readResponse(said) {
  if (said.type === "response.output_text.delta") return { text: said.delta ?? "" };
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
  if (["content_filter", "refusal"].includes(stop)) return "Ended by the provider's content filter.";
  return null;
}

const ADVICE = {
  0: "The connection broke. Check it and send again.",
  400: "The provider does not accept this request.",
  401: "The key is not accepted any more. Sign in with another one.",
  402: "Your balance is used up. Ask whoever gave you the key for a top-up; sending works again at once after it.",
  403: "This key may not do that.",
  404: "There is no such model any more. Choose another one.",
  413: "The conversation has grown too long to be sent. Start a new one.",
  422: "This model's provider cannot be asked that. Leave out what is named here, or choose another model.",
  429: "Too much at once. Wait a little and send again.",
  502: "The provider failed. Nothing was billed.",
  503: "The proxy cannot answer right now. Try again shortly. Nothing was billed.",
  504: "The provider took too long.",
  529: "The provider is overloaded. Try again later. Nothing was billed.",
};

/** What happened and what to do, for an answer that is no answer. `retryAfter` in seconds, as text. */
export function adviceFor(status, retryAfter = null) {
  if (status === 429 && retryAfter) return `Too much at once. Send again in ${retryAfter} s.`;
  return (
    ADVICE[status] ?? (status >= 500 ? "Something broke on the way. Try again shortly." : "The request was refused.")
  );
}
