// What happened and what to do, for an answer that is no answer. Pure.

/** In place of a status: the answer had begun, and broke off. Only its receipt knows what was billed. */
export const MIDWAY = "midway";

const BY_CODE = {
  spend_limit_exceeded: "A spend limit is reached. Wait until it begins anew, or ask whoever gave you the key.",
  balance_reserved: "What is left is held for requests that still run. Wait for them and send again.",
};

const BY_STATUS = {
  [MIDWAY]: "The answer broke off before its end.",
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

/** `retryAfter` in seconds, as text. */
export function adviceFor({ status, code = null, retryAfter = null }) {
  if (BY_CODE[code]) return BY_CODE[code];
  if (status === 429 && retryAfter) return `Too much at once. Send again in ${retryAfter} s.`;
  return (
    BY_STATUS[status] ?? (status >= 500 ? "Something broke on the way. Try again shortly." : "The request was refused.")
  );
}
