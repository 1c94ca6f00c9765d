// One request in words: how it ended, who is to blame, when what happened, and how to do it again. Pure.

import { compareDecimals } from "../../decimal.js";
import { endpointName } from "../../endpoints.js";
import { duration, outcomeText, plural, price } from "../../format.js";

/** One sentence on how a request ended and what it cost. */
export function verdict(row) {
  const paid = compareDecimals(row.cost, "0") > 0 ? `${price(row.cost)} was charged` : "nothing was charged";
  const after = row.duration_ms === null ? "" : ` after ${duration(row.duration_ms)}`;
  const vain = row.attempts?.length ? plural(row.attempts.length, "attempt") : null;
  switch (row.outcome) {
    case "completed":
      return `Completed${after && ` in ${duration(row.duration_ms)}`}${vain ? `, after ${vain} failed` : ""}; ${paid}.`;
    case "refused":
      return `Refused here with ${row.status}, before any provider was called; nothing was charged.`;
    case "upstream_error":
      return `The provider ${providerFault(row)}${after}${vain ? `, and ${vain} before it failed too` : ""}; ${paid}.`;
    case "error_after_usage":
      return `The answer broke${after}, but the provider had already counted tokens; ${paid}.`;
    case "no_usage":
      return `The provider answered without saying how many tokens it used; ${paid}.`;
    case "usage_invalid":
      return `The provider's token counts made no sense; ${paid}.`;
    case "interrupted":
      return `The answer broke off${after}, before the provider counted tokens; ${paid}.`;
    case "aborted_unmetered":
      return `The client hung up${after}, and the answer was not read to its end; ${paid}.`;
    default:
      return `${outcomeText(row.outcome)}; ${paid}.`;
  }
}

function providerFault(row) {
  if (row.upstream_status) return `answered ${row.upstream_status}`;
  return row.error_code === "upstream_timeout" ? "did not answer in time" : "failed or could not be reached";
}

const ADVICE = {
  model_not_found:
    "No model of this name was served to this key: there is none, it has no price, it is switched off, " +
    "or the key may not call it.",
  insufficient_balance: "The balance did not cover what requests in flight may cost.",
};

/** What a code of this gateway means for who has to mend it, or null. */
export function advice({ error_code: code }) {
  return ADVICE[code] ?? null;
}

/** Where an error comes from: "gateway", "upstream", "client", or null where there is none. */
export function errorSource({ outcome }) {
  if (outcome === "completed") return null;
  if (outcome === "refused") return "gateway";
  return outcome === "aborted_unmetered" ? "client" : "upstream";
}

/**
 * What the time was spent on, in its order: `[{name, ms, share, kind, note?}]`, shares summing to 1. `kind`: failed,
 * pause, waiting or answer. Attempts in vain come first, each with the pause after it; empty while nothing is known.
 */
export function timeline({ first_byte_ms: first, duration_ms: whole, streamed, outcome, attempts }) {
  const vain = (attempts ?? []).flatMap((one, at, all) => [
    { name: `Attempt ${at + 1}`, ms: one.after_ms - endOf(all[at - 1]), kind: "failed", note: attemptText(one) },
    ...(one.pause_ms > 0 ? [{ name: "Pause", ms: one.pause_ms, kind: "pause" }] : []),
  ]);
  const begun = endOf(attempts?.at(-1));
  const at = attempts?.length ?? 0;
  const parts = [...vain, ...(whole ? lastAttempt({ first, whole, begun, streamed, outcome, at }) : [])];
  const sum = parts.reduce((ms, part) => ms + part.ms, 0);
  return parts.map((part) => ({ ...part, share: sum ? part.ms / sum : 1 / parts.length }));
}

/** When the attempt after this one began, in milliseconds; the first one at 0. */
const endOf = (attempt) => (attempt ? attempt.after_ms + attempt.pause_ms : 0);

function lastAttempt({ first, whole, begun, streamed, outcome, at }) {
  if (first === null || first > whole) {
    const name = at ? `Attempt ${at + 1}` : "Until its end";
    return [{ name, ms: Math.max(0, whole - begun), kind: outcome === "completed" ? "answer" : "failed" }];
  }
  return [
    { name: streamed ? "Until the first token" : "Until the answer", ms: Math.max(0, first - begun), kind: "waiting" },
    { name: streamed ? "Streaming" : "Reading the answer", ms: whole - first, kind: "answer" },
  ].filter(({ ms }) => ms > 0);
}

/** A request like this one for a shell, without the key and without what was asked: neither is kept here. */
export function curl(row, origin) {
  const isAnthropic = row.endpoint.endsWith("messages");
  const lines = [
    `curl ${row.streamed ? "-N " : ""}${origin}${endpointPath(row.endpoint)}`,
    "-H 'content-type: application/json'",
    isAnthropic
      ? "-H \"x-api-key: $API_KEY\" -H 'anthropic-version: 2023-06-01'"
      : '-H "authorization: Bearer $API_KEY"',
    `-d ${quote(JSON.stringify(body(row, isAnthropic)))}`,
  ];
  return lines.join(" \\\n  ");
}

/** What each API calls the question; all others have messages. */
const ASKED = { responses: { input: "…" }, embeddings: { input: "…" }, completions: { prompt: "…" } };

function body({ model, streamed, endpoint }, isAnthropic) {
  const asked = ASKED[endpointName(endpoint)] ?? { messages: [{ role: "user", content: "…" }] };
  return { model, ...(streamed ? { stream: true } : {}), ...(isAnthropic ? { max_tokens: 1024 } : {}), ...asked };
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The API that was called, in a word: `chat`, `messages`. */
export function endpointText(endpoint) {
  return endpointName(endpoint).replace("/completions", "");
}

/** Where it is called. */
export function endpointPath(endpoint) {
  return endpoint.startsWith("/") ? endpoint : `/v1/${endpoint}`;
}

/** What came of an upstream that was called before the last one. */
export function attemptText({ upstream, status, error }) {
  return `${upstream} ${status ? `answered ${status}` : "did not answer"} (${error})`;
}
