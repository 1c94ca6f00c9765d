// What a key may be limited to, between the form and the API. Only limits that the server enforces are here. Pure.

const HOUR_MS = 3_600_000;

export const EXPIRIES = [
  ["never", "Never"],
  ["7", "In 7 days"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
  ["on", "On a day…"],
];

export const GRACES = [
  ["0", "At once"],
  ["1", "After 1 hour"],
  ["24", "After 24 hours"],
  ["168", "After 7 days"],
  ["720", "After 30 days"],
];

/** The moment a choice of `EXPIRIES` means, or null for never. `day` is `2026-01-31`, its first moment in UTC. */
export function expiryOf(choice, day, now) {
  if (choice === "never") return null;
  if (choice === "on") return day ? `${day}T00:00:00Z` : undefined;
  return new Date(now + Number(choice) * 24 * HOUR_MS).toISOString();
}

/** What a form says of a key, as the API takes it. `models`: the chosen names, or null for every model. */
export function keyBody({ name, expiry, day, concurrency, models }, now) {
  const most = String(concurrency ?? "").trim();
  return {
    name: name.trim(),
    expires_at: expiryOf(expiry, day, now),
    allowed_models: models,
    max_concurrency: most === "" ? null : Number(most),
  };
}

/** What is wrong with what was typed, by field. */
export function keyFaults({ name, expiry, day, concurrency, models }, now) {
  const faults = {};
  const most = String(concurrency ?? "").trim();
  if (!name.trim()) faults.name = "is required: it tells this key from the others";
  if (expiry === "on" && !day) faults.day = "is required";
  else if (expiry === "on" && Date.parse(`${day}T00:00:00Z`) <= now) faults.day = "must be after today (UTC)";
  if (most && !/^[1-9]\d{0,5}$/.test(most)) faults.max_concurrency = "must be a whole number from 1 to 100,000";
  if (models !== null && !models.length) faults.allowed_models = "must name one model at least";
  return faults;
}

/** Only what differs from the key as it is: nothing else is written. */
export function keyChanges(key, body) {
  const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
  const was = { ...key, allowed_models: key.allowed_models && [...key.allowed_models].sort() };
  const is = { ...body, allowed_models: body.allowed_models && [...body.allowed_models].sort() };
  return Object.fromEntries(Object.keys(body).filter((name) => !same(was[name], is[name])).map((name) => [name, body[name]]));
}

/** The models of a key in a few words. */
export function modelsText(allowed) {
  if (allowed === null || allowed === undefined) return "All models";
  if (!allowed.length) return "No model";
  return allowed.length <= 2 ? allowed.join(", ") : `${allowed.length} models`;
}

const TONES = { active: ["good", "check"], expired: ["warn", "clock"], revoked: ["quiet", "stop"] };

/** `{text, tone, icon}` of a key's status; one whose end is near says so. */
export function statusOf(key, now) {
  const [tone, icon] = TONES[key.status] ?? ["quiet", "info"];
  if (key.status === "active" && key.expires_at && Date.parse(key.expires_at) - now < 72 * HOUR_MS) {
    return { text: "Expires soon", tone: "warn", icon: "clock" };
  }
  return { text: key.status.charAt(0).toUpperCase() + key.status.slice(1), tone, icon };
}

/** A key as it can be recognised: never its text. */
export const shownKey = ({ prefix, last4 }) => `${prefix}…${last4}`;
