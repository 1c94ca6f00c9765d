// The span of time that a page is about, as its address says it: `range=7d`, or `from=…&to=…`. Pure: `now` is given.

import { momentOf, startOfDay, startOfMonth, wall } from "./days.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ago = (ms) => (now) => new Date(now - ms).toISOString();

/** `startOf(now, zone)` gives the moment at which each begins; all of them end now. */
export const RANGES = [
  { name: "15m", text: "Last 15 minutes", startOf: ago(15 * MINUTE_MS) },
  { name: "1h", text: "Last hour", startOf: ago(HOUR_MS) },
  { name: "24h", text: "Last 24 hours", startOf: ago(DAY_MS) },
  { name: "7d", text: "Last 7 days", startOf: ago(7 * DAY_MS) },
  { name: "30d", text: "Last 30 days", startOf: ago(30 * DAY_MS) },
  { name: "90d", text: "Last 90 days", startOf: ago(90 * DAY_MS) },
  { name: "today", text: "Today", startOf: startOfDay },
  { name: "month", text: "This month", startOf: startOfMonth },
];

/**
 * `{name, text, from, to}` as the API takes them; `name` is "custom" where the address gives the ends itself. Days and
 * months begin in `zone`.
 */
export function readRange(query, now, standard = "24h", zone = "UTC") {
  const from = query.get("from");
  const to = query.get("to");
  if (isTime(from) || isTime(to)) {
    return {
      name: "custom",
      text: "Custom",
      ...ordered({ from: isTime(from) ? from : null, to: isTime(to) ? to : null }),
    };
  }
  const called = (wanted) => RANGES.find(({ name }) => name === wanted);
  const range = called(query.get("range")) ?? called(standard) ?? called("24h");
  return { name: range.name, text: range.text, from: range.startOf(now, zone), to: new Date(now).toISOString() };
}

/** Whoever wrote an address by hand meant some range: it begins with the earlier end. */
function ordered({ from, to }) {
  if (!rangeFault({ from, to })) return { from, to };
  return Date.parse(from) === Date.parse(to) ? { from, to: null } : { from: to, to: from };
}

/** The last days as the server sums them for users and keys: from the beginning of an hour on, so that a link to the
 * requests behind such a sum finds all of them. */
export function spentRange(days, now) {
  const start = now - days * 24 * HOUR_MS;
  return { from: new Date(start - (start % HOUR_MS)).toISOString() };
}

function isTime(text) {
  return Boolean(text) && !Number.isNaN(Date.parse(text));
}

/** What the address says for a range of `RANGES`, and for one between two moments. */
export const namedRange = (name) => ({ range: name, from: null, to: null });
export const customRange = (from, to) => ({ range: null, from, to });

/** The span that two fields say: an end whose field was not touched keeps its seconds. `range` is what they showed. */
export function typedRange(range, { from, to }, zone = "UTC") {
  const end = (name, text) => (text === asInput(range[name], zone) ? range[name] : fromInput(text, zone));
  return { from: end("from", from), to: end("to", to) };
}

/** Why a span is none, or null. */
export function rangeFault({ from, to }) {
  return from && to && Date.parse(from) >= Date.parse(to) ? "The range must end after it begins." : null;
}

/** A moment as `<input type=datetime-local>` has it, in `zone`, and back. */
export const asInput = (time, zone = "UTC") =>
  time ? new Date(wall(Date.parse(time), zone)).toISOString().slice(0, 16) : "";
export const fromInput = (text, zone = "UTC") =>
  text ? new Date(momentOf(Date.parse(`${text}Z`), zone)).toISOString() : null;
