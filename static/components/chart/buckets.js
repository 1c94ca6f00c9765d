// The spans of time that a chart is made of: what each is called, and when it ends. Pure.

const MINUTE_MS = 60_000;
const LENGTHS_MS = { minute: MINUTE_MS, hour: 60 * MINUTE_MS, day: 1440 * MINUTE_MS, week: 7 * 1440 * MINUTE_MS };
const formats = new Map();

function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key))
    formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  return formats.get(key);
}

const DAY = { day: "numeric", month: "short" };
const CLOCK = { hour: "2-digit", minute: "2-digit" };

/** The short name under an axis: `14:00`, `24 Nov` at midnight and for days, `Nov 2026`. */
export function tickText(data, at) {
  const time = new Date(data.buckets[at]);
  if (data.interval === "month") return format(data.tz, { month: "short", year: "numeric" }).format(time);
  if (data.interval === "day" || data.interval === "week") return format(data.tz, DAY).format(time);
  const clock = format(data.tz, CLOCK).format(time);
  return clock === "00:00" ? format(data.tz, DAY).format(time) : clock;
}

/** The full name of a bucket: `Tue 24 Nov, 14:00`. */
export function bucketText(data, at) {
  const time = new Date(data.buckets[at]);
  if (data.interval === "month") return format(data.tz, { month: "long", year: "numeric" }).format(time);
  const day = format(data.tz, { weekday: "short", ...DAY })
    .format(time)
    .replace(",", "");
  if (data.interval === "week") return `Week of ${day}`;
  return data.interval === "day" ? day : `${day}, ${format(data.tz, CLOCK).format(time)}`;
}

/** When a bucket ends: where the next begins. The last one is as long as its kind. */
export function bucketEnd(data, at) {
  if (at + 1 < data.buckets.length) return data.buckets[at + 1];
  const start = new Date(data.buckets[at]);
  if (data.interval === "month") {
    const end = new Date(start);
    end.setUTCMonth(end.getUTCMonth() + 1);
    return end.toISOString();
  }
  return new Date(start.getTime() + LENGTHS_MS[data.interval]).toISOString();
}

/** The moments that buckets `first` to `last` cover, within `range` (`{from, to}`, either may be null). */
export function spanOf(data, first, last, range = {}) {
  const from = data.buckets[first];
  const to = bucketEnd(data, last);
  return {
    from: range.from && Date.parse(range.from) > Date.parse(from) ? range.from : from,
    to: range.to && Date.parse(range.to) < Date.parse(to) ? range.to : to,
  };
}

const KINDS = { minute: "Minutes", hour: "Hours", day: "Days", week: "Weeks", month: "Months" };

/** `Hours in UTC`: said under every chart. */
export function zoneText(data) {
  return `${KINDS[data.interval] ?? "Times"} in ${data.tz}`;
}
