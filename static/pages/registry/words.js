// How the registry's entities, fields and values are said on the page. Pure.

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

/** Every path of three sides, with which of them differ from the base: `{path, base, live, file, liveChanged, fileChanged}`. */
export function threeSides(base, live, file) {
  const paths = [...new Set([...Object.keys(base), ...Object.keys(live), ...Object.keys(file)])].sort();
  return paths.map((path) => ({
    path,
    base: base[path],
    live: live[path],
    file: file[path],
    liveChanged: !same(base[path], live[path]),
    fileChanged: !same(base[path], file[path]),
  }));
}

function same(a, b) {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

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

/** Who acted, without the prefix that says how: `admin:Dana` is Dana. */
export function actorText(actor) {
  return actor?.startsWith("admin:") ? actor.slice(6) : (actor ?? "somebody");
}
