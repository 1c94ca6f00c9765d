// The only place that turns numbers into words: money, tokens, times. Pure: `now` is given.

import { compareDecimals, parseDecimal, roundDecimal } from "./decimal.js";

const MINUS = "\u2212";
const CENT = "0.01";
const DOLLAR = "1";
const FINE_DIGITS = 4;

const grouped = (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ",");

/** `$1,234.56`; amounts below a cent with four significant digits, `$0.0000421`; never an exponent. */
export const money = (text) => dollars(text, CENT);

/** What one request cost: four significant digits already below a dollar, `$0.01533`, for few requests cost a cent. */
export const fineMoney = (text) => dollars(text, DOLLAR);

function dollars(text, fineBelow) {
  if (text === null || text === undefined || text === "") return "–";
  const value = String(text);
  const negative = compareDecimals(value, "0") < 0;
  const size = negative ? value.replace("-", "") : value;
  const shown = compareDecimals(size, "0") !== 0 && compareDecimals(size, fineBelow) < 0 ? fine(size) : cents(size);
  return `${negative ? MINUS : ""}$${shown}`;
}

/** A price per million tokens: at least two digits after the point, and all that are said. */
export function price(text) {
  if (text === null || text === undefined || text === "") return "–";
  const [whole, fraction = ""] = String(text).split(".");
  return `$${grouped(whole)}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** The exact amount, for a title. */
export function exactMoney(text) {
  return text === null || text === undefined ? "" : `${String(text).replace("-", MINUS)} USD`;
}

/** With its sign: `+$5.00`, `−$0.42`. */
export function signedMoney(text) {
  return compareDecimals(text, "0") > 0 ? `+${money(text)}` : money(text);
}

function cents(size) {
  const [whole, fraction] = roundDecimal(size, 2).split(".");
  return `${grouped(whole)}.${fraction}`;
}

function fine(size) {
  const { units, scale } = parseDecimal(size);
  const leading = scale - units.toString().length;
  const [whole, fraction] = roundDecimal(size, leading + FINE_DIGITS).split(".");
  return `${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** `1,204`. */
export function count(number) {
  return number === null || number === undefined ? "–" : grouped(String(number));
}

const STEPS = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "K"],
];

/** `1.2M`; exact below ten thousand. */
export function compact(number) {
  if (number === null || number === undefined) return "–";
  if (Math.abs(number) < 10_000) return count(Math.round(number));
  const [size, letter] = STEPS.find(([step]) => Math.abs(number) >= step);
  const scaled = number / size;
  return `${scaled.toFixed(Math.abs(scaled) < 100 ? 1 : 0).replace(/\.0$/, "")}${letter}`;
}

/** A share from 0 to 1 as `1.2 %`. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  const value = share * 100;
  return `${value === 0 || value >= 10 ? value.toFixed(0) : value.toFixed(value < 0.1 ? 2 : 1)} %`;
}

/** Milliseconds as `840 ms`, `2.4 s`, `3 m 20 s`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} m ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} m`;
}

/** How long ago: `just now`, `12 s ago`, `3 d ago`; in the future `in 5 m`. */
export function ago(time, now) {
  const seconds = Math.round((now - new Date(time)) / 1000);
  const size = Math.abs(seconds);
  if (size < 3) return "just now";
  const [value, unit] =
    size < 60
      ? [size, "s"]
      : size < 3600
        ? [Math.round(size / 60), "m"]
        : size < 86_400
          ? [Math.round(size / 3600), "h"]
          : [Math.round(size / 86_400), "d"];
  return seconds < 0 ? `in ${value} ${unit}` : `${value} ${unit} ago`;
}

/** When a key or a token was used last, as a sentence; null: never. */
export const lastUse = (time) => (time ? `It was last used ${ago(time, Date.now())}.` : "It was never used.");

/** A moment in a zone (an IANA name), to the second: `2026-01-31 12:00:05`. */
export function moment(time, zone = "UTC") {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    })
      .formatToParts(new Date(time))
      .map(({ type, value }) => [type, value]),
  );
  return `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}:${parts.second}`;
}

/** `1 request`, `2 requests`. */
export function plural(number, noun, nouns = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : nouns}`;
}

const OUTCOMES = {
  completed: "completed",
  error_after_usage: "broke after usage",
  no_usage: "no usage",
  usage_invalid: "usage invalid",
  upstream_error: "upstream error",
  interrupted: "interrupted",
  aborted_unmetered: "aborted",
  refused: "refused",
};

/** How an exchange ended, in words. */
export function outcomeText(outcome) {
  return OUTCOMES[outcome] ?? String(outcome);
}

/** `good`, `bad` or `warn`: which tone an outcome has. */
export function outcomeTone(outcome) {
  if (outcome === "completed") return "good";
  return outcome === "refused" || outcome === "aborted_unmetered" ? "warn" : "bad";
}

const DIMENSIONS = {
  input: "Input",
  cached_input: "Cached input",
  cache_write: "Cache write",
  cache_write_1h: "Cache write, 1 h",
  output: "Output",
  reasoning: "of it reasoning",
};

/** A price dimension in words. */
export function dimensionText(name) {
  return DIMENSIONS[name] ?? name;
}
