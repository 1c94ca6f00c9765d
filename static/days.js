// Where days and months begin in a zone. Pure: `now` is given, in milliseconds.

const formats = new Map();

function format(zone) {
  if (!formats.has(zone)) {
    formats.set(
      zone,
      new Intl.DateTimeFormat("en-GB", {
        timeZone: zone,
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      }),
    );
  }
  return formats.get(zone);
}

/** The clock on the wall of `zone` as if it were UTC, in milliseconds. */
export function wall(time, zone) {
  const said = Object.fromEntries(
    format(zone)
      .formatToParts(time)
      .map(({ type, value }) => [type, Number(value)]),
  );
  return Date.UTC(said.year, said.month - 1, said.day, said.hour, said.minute, said.second);
}

/** The moment at which the wall of `zone` shows `shown`; twice, for the offset of then where clocks were set. */
export function momentOf(shown, zone) {
  const guess = shown - (wall(shown, zone) - shown);
  return shown - (wall(guess, zone) - guess);
}

/** Midnight of today, as the API takes it. */
export function startOfDay(now, zone) {
  const date = new Date(wall(now, zone));
  return iso(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()), zone);
}

/** The first midnight of this month. */
export function startOfMonth(now, zone) {
  const date = new Date(wall(now, zone));
  return iso(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1), zone);
}

/** Midnight so many days ago. */
export function startOfDaysAgo(now, zone, days) {
  const date = new Date(wall(now, zone));
  return iso(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() - days), zone);
}

const iso = (shown, zone) => new Date(momentOf(shown, zone)).toISOString();
