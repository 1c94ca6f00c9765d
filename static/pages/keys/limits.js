// What keys and users may be limited to, between the form and the API. Pure.

import { compareDecimals, roundDecimal } from "../../decimal.js";
import { count, money } from "../../format.js";
import { readAmount } from "../money/movement.js";

const HOUR_MS = 3_600_000;

/** The largest number of each limit that the API takes. */
const MOST = { max_concurrency: 100_000, rpm: 100_000, tpm: 1_000_000_000_000 };

/** Of the calendar, in UTC. */
export const PERIODS = [
  ["", "In all"],
  ["day", "A day"],
  ["week", "A week, from Monday"],
  ["month", "A month"],
];

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

/** What a form says of limits, as the API takes it. `models`: the chosen names, or null for every model. */
export function limitBody({ models, ...typed }) {
  const numbers = Object.keys(MOST).map((name) => [
    name,
    text(typed[name]) === "" ? null : Number(digits(typed[name])),
  ]);
  const dollars = text(typed.spend_limit) === "" ? null : readAmount(typed.spend_limit);
  return {
    allowed_models: models,
    ...Object.fromEntries(numbers),
    spend_limit: dollars,
    spend_period: dollars === null ? null : typed.spend_period || null,
  };
}

/** What is wrong with the limits that were typed, by field. */
export function limitFaults({ models, ...typed }) {
  const faults = {};
  for (const [name, most] of Object.entries(MOST)) {
    const number = digits(typed[name]);
    if (number && (!/^[1-9]\d{0,12}$/.test(number) || Number(number) > most))
      faults[name] = `must be a whole number from 1 to ${count(most)}`;
  }
  if (text(typed.spend_limit)) {
    const dollars = readAmount(typed.spend_limit);
    if (dollars === null || compareDecimals(dollars, "0") <= 0)
      faults.spend_limit = "must be dollars above zero, such as 20.00";
  }
  if (models !== null && !models.length) faults.allowed_models = "must name one model at least";
  return faults;
}

/** What a form says of a key, as the API takes it. */
export const keyBody = ({ name, expiry, day, ...typed }, now) => ({
  name: name.trim(),
  expires_at: expiryOf(expiry, day, now),
  ...limitBody(typed),
});

/** What is wrong with what was typed, by field. */
export function keyFaults({ name, expiry, day, ...typed }, now) {
  const faults = limitFaults(typed);
  if (!name.trim()) faults.name = "is required: it tells this key from the others";
  if (expiry === "on" && !day) faults.day = "is required";
  else if (expiry === "on" && Date.parse(`${day}T00:00:00Z`) <= now) faults.day = "must be after today (UTC)";
  return faults;
}

/** Only what differs from the key or user as it is: nothing else is written. */
export function changesOf(one, body) {
  const plain = (name, value) => {
    if (name === "allowed_models" && value) return [...value].sort();
    return name === "spend_limit" && value ? roundDecimal(value, 12) : (value ?? null);
  };
  const differs = (name) => JSON.stringify(plain(name, one[name])) !== JSON.stringify(plain(name, body[name]));
  return Object.fromEntries(
    Object.keys(body)
      .filter(differs)
      .map((name) => [name, body[name]]),
  );
}

const text = (value) => String(value ?? "").trim();
/** A number as people type it, with commas or blanks between thousands. */
const digits = (value) => text(value).replaceAll(/[\s,]/g, "");

/** The numbers that a user or key is limited to, a few words each. */
export function numberWords(one) {
  return [
    one.max_concurrency && `${count(one.max_concurrency)} at once`,
    one.rpm && `${count(one.rpm)} requests a minute`,
    one.tpm && `${count(one.tpm)} tokens a minute`,
  ].filter(Boolean);
}

/** The same, and the dollars. */
export const limitWords = (one) => [...numberWords(one), one.spend_limit && spendWords(one)].filter(Boolean);

function spendWords({ spend_limit: limit, spend_period: period, spend_status: status }) {
  const words = `${money(limit)} ${period ? `a ${period}` : "in all"}`;
  return status ? `${words}, ${money(status.left)} left` : words;
}

/** The limits of a user or key as pairs of what and how much. */
export const limitFacts = (one) => [
  ["Models", one.allowed_models === null ? "All models" : one.allowed_models?.join(", ") || "No model"],
  ["Requests at a time", one.max_concurrency ? count(one.max_concurrency) : "no limit"],
  ["Requests a minute", one.rpm ? count(one.rpm) : "no limit"],
  ["Tokens a minute", one.tpm ? count(one.tpm) : "no limit"],
  ["Spending", one.spend_limit ? spendWords(one) : "no limit"],
];

/** The models of a key in a few words. */
export function modelsText(allowed) {
  if (allowed === null || allowed === undefined) return "All models";
  if (!allowed.length) return "No model";
  return allowed.length <= 2 ? allowed.join(", ") : `${allowed.length} models`;
}

const TONES = { active: ["good", "check"], expired: ["warn", "clock"], revoked: ["quiet", "stop"] };

/** Whether all that a user or key may spend in this period is spent: calls are refused until the next one. */
export const isCapped = ({ spend_status: status }) => Boolean(status) && compareDecimals(status.left, "0") <= 0;

const REFUSALS = {
  __proto__: null,
  user_disabled: { text: "Refused", tone: "bad", icon: "stop", why: "its owner is disabled" },
  insufficient_balance: { text: "Refused", tone: "bad", icon: "stop", why: "its owner has no money" },
  user_spend_limit: { text: "Capped", tone: "bad", icon: "stop", why: "by its owner's spend limit" },
};

/** `{text, tone, icon, why}` of a key's status; why it is refused, if it is, and that its end is near. */
export function statusOf(key, now) {
  if (key.refused_for === "spend_limit")
    return { text: "Capped", tone: "bad", icon: "stop", why: `by its ${limitName(key)}` };
  if (REFUSALS[key.refused_for]) return REFUSALS[key.refused_for];
  if (key.status === "active" && key.expires_at && Date.parse(key.expires_at) - now < 72 * HOUR_MS)
    return { text: "Expires soon", tone: "warn", icon: "clock", why: "" };
  const [tone, icon] = TONES[key.status] ?? ["quiet", "info"];
  return { text: key.status.charAt(0).toUpperCase() + key.status.slice(1), tone, icon, why: "" };
}

const PERIOD_NAMES = { day: "daily spend limit", week: "weekly spend limit", month: "monthly spend limit" };

/** What the spend limit of a user or key is called: by its period. */
export const limitName = ({ spend_period: period }) => PERIOD_NAMES[period] ?? "spend limit";

/** A key as it can be recognised: never its text. */
export const shownKey = ({ prefix, last4 }) => `${prefix}…${last4}`;
