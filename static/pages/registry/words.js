// How the registry's entities, fields and values are said on the page. Pure.

import { compareDecimals, isDecimal, roughly } from "../../decimal.js";

/** `model/gpt-main` as its parts. */
export function parseEntity(text) {
  const [kind, ...rest] = text.split("/");
  return { kind, key: rest.join("/") };
}

/** `model.gpt-main/pricing` as its parts: the key may hold dots, the first one ends the kind. */
export function parseAddress(text) {
  const dot = text.indexOf(".");
  const slash = text.indexOf("/");
  return { kind: text.slice(0, dot), key: text.slice(dot + 1, slash), group: text.slice(slash + 1) };
}

/** Where the page edits an entity. */
export function entityHref({ kind, key }) {
  return `/ui/${kind === "provider" ? "providers" : "models"}?open=${encodeURIComponent(key)}`;
}

/** A value as text; undefined and null are not set. */
export function valueText(value) {
  if (value === undefined || value === null) return "not set";
  if (typeof value === "string") return value === "" ? "empty" : value;
  return JSON.stringify(value);
}

export function isSet(value) {
  return value !== undefined && value !== null;
}

/**
 * Every path of three sides, with which of them differ from the base: `{path, base, live, file, liveChanged,
 * fileChanged}`. Prices stand in the order in which people say them.
 */
export function threeSides(base, live, file) {
  const paths = [...new Set([...Object.keys(base), ...Object.keys(live), ...Object.keys(file)])].sort(inOrder);
  return paths.map((path) => ({
    path,
    base: base[path],
    live: live[path],
    file: file[path],
    liveChanged: !same(base[path], live[path]),
    fileChanged: !same(base[path], file[path]),
  }));
}

const PRICES = ["input", "output", "cached_input", "cache_write", "cache_write_1h"].map((name) => `pricing.${name}`);

function inOrder(one, other) {
  const [a, b] = [PRICES.indexOf(one), PRICES.indexOf(other)];
  if (a >= 0 && b >= 0) return a - b;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** How much a price rose or fell, `+12.0 %`; "" where either is none, or it is the same. */
export function priceStep(path, from, to) {
  if (!path.startsWith("pricing.") || !isDecimal(from) || !isDecimal(to)) return "";
  if (compareDecimals(from, "0") <= 0 || compareDecimals(from, to) === 0) return "";
  const share = (roughly(to) / roughly(from) - 1) * 100;
  return `${share > 0 ? "+" : "\u2212"}${Math.abs(share).toFixed(1)} %`;
}

function same(a, b) {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** The live edits that the file did not change too: those are conflicts, and stand there. */
export const undisputed = (drift) => drift.filter((item) => !item.is_disputed);

const COUNTS = [
  ["create", "+", "to add"],
  ["update", "~", "to change"],
  ["move", "→", "to rename"],
  ["remove", "−", "to remove"],
  ["release", "○", "to release"],
  ["adopt", "=", "to adopt"],
  ["record", "·", "to record"],
];

/** What a plan would do, in one line: `+2 to add · ~4 to change`; "" when it would do nothing. */
export function countsText(counts) {
  return COUNTS.filter(([name]) => counts[name])
    .map(([name, sign, words]) => `${sign}${counts[name]} ${words}`)
    .join(" · ");
}
