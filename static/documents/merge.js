// What becomes of a form when the document under it was changed by somebody else: three sides, field by field.

import { groupOf, isSame } from "./leaves.js";

/**
 * `original` is what both began with, `theirs` what is live now, `yours` what was typed; all are leaves. Gives the
 * fields that differ: `{path, original, theirs, yours, by: "theirs" | "yours" | "both", isAlike, isShared}`.
 * `isAlike`: both say the same. `isShared`: they changed other fields of what belongs together, such as the prices.
 */
export function differences(original, theirs, yours) {
  const paths = [...new Set([...Object.keys(original), ...Object.keys(theirs), ...Object.keys(yours)])].sort();
  const found = [];
  for (const path of paths) {
    const isTheirs = !isSame(original[path], theirs[path]);
    const isYours = !isSame(original[path], yours[path]);
    if (!isTheirs && !isYours) continue;
    found.push({
      path,
      original: original[path] ?? null,
      theirs: theirs[path] ?? null,
      yours: yours[path] ?? null,
      by: isTheirs && isYours ? "both" : isTheirs ? "theirs" : "yours",
      isAlike: isTheirs && isYours && isSame(theirs[path], yours[path]),
    });
  }
  const groups = (by) =>
    new Set(found.filter((one) => one.by === by || one.by === "both").map((one) => groupOf(one.path)));
  const [theirGroups, yourGroups] = [groups("theirs"), groups("yours")];
  return found.map((one) => ({
    ...one,
    isShared: one.by !== "both" && theirGroups.has(groupOf(one.path)) && yourGroups.has(groupOf(one.path)),
  }));
}

/** The fields that both changed, to something else: somebody has to choose. */
export function overlaps(found) {
  return found.filter((one) => one.by === "both" && !one.isAlike);
}

/**
 * The merged leaves. What one side changed is taken from it; `choices` has "theirs" or "yours" for what both did. Gives
 * null while a choice is missing.
 */
export function merged(original, theirs, yours, choices = {}) {
  const found = differences(original, theirs, yours);
  if (overlaps(found).some(({ path }) => choices[path] === undefined)) return null;
  const leaves = { ...theirs };
  for (const { path, by } of found) {
    const side = by === "both" ? (choices[path] ?? "theirs") : by;
    const value = side === "yours" ? yours[path] : theirs[path];
    if (value === null || value === undefined) delete leaves[path];
    else leaves[path] = value;
  }
  return leaves;
}

/** The choices that take one side wherever both changed a field. */
export function choose(found, side) {
  return Object.fromEntries(overlaps(found).map(({ path }) => [path, side]));
}
