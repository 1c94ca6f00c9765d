// What changed between two documents, field by field, as the audit log keeps them. Pure.

/** `[{path, before, after}]` of every leaf that differs, in the order of the documents; undefined: not there. */
export function fieldDiff(before, after) {
  const [old, fresh] = [leaves(before), leaves(after)];
  const paths = [...old.keys(), ...[...fresh.keys()].filter((path) => !old.has(path))];
  return paths
    .map((path) => ({ path, before: old.get(path), after: fresh.get(path) }))
    .filter((one) => JSON.stringify(one.before) !== JSON.stringify(one.after));
}

/** Lists of names are one value; what is in a list of objects stands under its number. */
function leaves(document, path = "", found = new Map()) {
  if (isBranch(document)) {
    for (const [name, value] of Object.entries(document)) leaves(value, path ? `${path}.${name}` : name, found);
  } else if (path || (document !== null && document !== undefined)) found.set(path, document);
  return found;
}

function isBranch(value) {
  if (value === null || typeof value !== "object") return false;
  return Array.isArray(value) ? value.some(isBranch) : Object.keys(value).length > 0;
}

/** One value in words: text as it is, what is not there as "–". */
export function valueText(value) {
  if (value === undefined || value === null) return "–";
  if (value === "") return "empty";
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "string" ? value : JSON.stringify(value);
}
