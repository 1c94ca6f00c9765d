// The span of time that a page is about, as its address says it: `range=7d`, or `from=…&to=…`. Pure: `now` is given.

const HOUR_MS = 3_600_000;

export const RANGES = [
  { name: "1h", text: "Last hour", hours: 1 },
  { name: "24h", text: "Last 24 hours", hours: 24 },
  { name: "7d", text: "Last 7 days", hours: 24 * 7 },
  { name: "30d", text: "Last 30 days", hours: 24 * 30 },
  { name: "90d", text: "Last 90 days", hours: 24 * 90 },
];

/** `{name, text, from, to}` as the API takes them; `name` is "custom" where the address gives the ends itself. */
export function readRange(query, now, standard = "24h") {
  const from = query.get("from");
  const to = query.get("to");
  if (isTime(from) || isTime(to)) {
    return { name: "custom", text: "Custom", from: isTime(from) ? from : null, to: isTime(to) ? to : null };
  }
  const range = RANGES.find(({ name }) => name === query.get("range")) ?? RANGES.find(({ name }) => name === standard);
  return {
    name: range.name,
    text: range.text,
    from: new Date(now - range.hours * HOUR_MS).toISOString(),
    to: new Date(now).toISOString(),
  };
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

/** A moment as `<input type=datetime-local>` has it, in UTC, and back. */
export const asInput = (time) => (time ? new Date(time).toISOString().slice(0, 16) : "");
export const fromInput = (text) => (text ? new Date(`${text}Z`).toISOString() : null);
