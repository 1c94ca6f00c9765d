// What is typed into a field, as the value that a document has, and back; and what is wrong with it, while it is typed.

import { compareDecimals, isDecimal } from "../decimal.js";

const PRICE_DECIMALS_MAX = 6;
const PRICE_LIMIT = "1000000";
const PER_TOKEN_BELOW = "0.001";
const NUMBER = /^\d{1,10}$/;
const DURATION = /^\d{1,6}(s|m|h)?$/;
const SLUG = /^[a-z0-9][a-z0-9._-]*$/;

/** A value as the text of its field. Lists are divided by commas. */
export function asText(value) {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

const READERS = {
  text: (text) => text.trim() || null,
  lines: (text) => (text === "" ? null : text),
  list: (text) => listOf(text),
  whole: (text) => (NUMBER.test(text.trim()) ? Number(text.trim()) : text.trim() || null),
  duration: (text) => (/^\d+$/.test(text.trim()) ? `${text.trim()}s` : text.trim() || null),
  price: (text) => priceOf(text) || null,
  flag: (value) => value,
};

/** The value of what was typed. What is none is handed on as it is: `faultOf` and the server say what is wrong. */
export function readValue(kind, typed) {
  return (READERS[kind] ?? READERS.text)(typed);
}

function listOf(text) {
  const found = text
    .split(/[,\n]/)
    .map((one) => one.trim())
    .filter(Boolean);
  return found.length ? [...new Set(found)] : null;
}

/**
 * A price as the API takes it: `$` and groups of thousands may be typed. Two digits after the point at least, as the
 * server says it.
 */
export function priceOf(typed) {
  let text = typed
    .trim()
    .replace(/^\$\s*/, "")
    .trim();
  if (/^\d{1,3}(,\d{3})+(\.\d*)?$/.test(text)) text = text.replaceAll(",", "");
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text)) return text;
  const [whole, fraction = ""] = text.split(".");
  const digits = fraction.replace(/0+$/, "");
  return `${whole.replace(/^0+(?=\d)/, "") || "0"}.${digits.padEnd(2, "0")}`;
}

/** What is wrong with a price, as a sentence, or null. Empty is no fault: `isRequired` says whether it is one. */
export function priceFault(typed, { isRequired = false, dimension = null } = {}) {
  const text = priceOf(typed);
  if (!text) return isRequired ? "A price is needed." : null;
  if (/^\d+,\d+$/.test(text)) return "Write the decimals after a point.";
  if (text.startsWith("-")) return "A price cannot be negative.";
  if (/^[\d.]+e[-+]?\d*$/i.test(text)) return "Write it in plain digits, without an exponent.";
  if (!isDecimal(text)) return "Write dollars in plain digits, such as 1.25.";
  if ((text.split(".")[1] ?? "").length > PRICE_DECIMALS_MAX)
    return `At most ${PRICE_DECIMALS_MAX} digits after the point.`;
  if (compareDecimals(text, PRICE_LIMIT) >= 0) return "Must be below $1,000,000.";
  if (dimension === "input" && compareDecimals(text, "0") === 0) return "Zero is said as free, in the model's prices.";
  return null;
}

/** What is odd about prices that may be meant: `rates` by dimension. The first thing, or null. */
export function priceWarning(rates) {
  for (const [name, price] of Object.entries(rates)) {
    if (!price || !isDecimal(price)) continue;
    if (compareDecimals(price, "0") > 0 && compareDecimals(price, PER_TOKEN_BELOW) < 0)
      return `$${price} per 1M tokens looks like a price per token.`;
    if (name === "output" && compareDecimals(price, "0") === 0)
      return "Output costs nothing. That is right for embeddings only.";
  }
  const { input, cached_input: cached } = rates;
  if (input && cached && isDecimal(input) && isDecimal(cached) && compareDecimals(cached, input) > 0)
    return "Cached input costs more than input. Are they swapped?";
  return null;
}

/** What is wrong with what was typed into a field of this kind, as a sentence, or null. */
export function faultOf(kind, typed) {
  if (kind === "flag" || typed === null || String(typed).trim() === "") return null;
  const text = String(typed).trim();
  if (kind === "price") return priceFault(text);
  if (kind === "whole" && !NUMBER.test(text)) return "Write a whole number.";
  if (kind === "duration" && !DURATION.test(text)) return "Write a time such as 90s, 5m or 1h.";
  return null;
}

/** What is wrong with a key, or null. */
export function keyFault(text) {
  if (!text) return "A key is needed.";
  return SLUG.test(text) ? null : "Small letters, digits, dots, dashes and underscores; first a letter or a digit.";
}

/** A key made of a name: `GPT-5 (mini)` becomes `gpt-5-mini`. */
export function keyOf(name) {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|-+$/g, "");
}
