// Who changed a document last, by what the registry knows of its fields. Pure.

import { shownPath } from "./leaves.js";
import { differences } from "./merge.js";
import { actorText } from "./words.js";

/** The latest of these fields as `{name, at}`; null where nobody is known. */
function latest(fields) {
  const [last] = fields.filter((one) => one?.at).sort((one, other) => (one.at < other.at ? 1 : -1));
  return last ? { name: actorText(last.by), at: last.at } : null;
}

/** Who touched any field of an entity last. */
export const lastChange = (entity) => latest(Object.values(entity?.fields ?? {}));

/** Who made `theirs` of `original`, both leaves. */
export function whoChanged(kind, { original, theirs }, entity) {
  const paths = differences(original, theirs, original).map(({ path }) => path);
  return latest(paths.map((path) => entity.fields[shownPath(kind, path)]));
}
