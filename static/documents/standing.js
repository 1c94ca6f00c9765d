// Where the fields of a document stand between the files and live. Every function takes the editor.

import { documentOf, groupOf, shownPath } from "./leaves.js";
import { renderFragment } from "./yaml.js";

/** What is known of a field: its state, what the file says, where, who changed it; null where nothing is. */
export function fieldOf({ kind, entity }, path) {
  return entity?.fields[shownPath(kind, path)] ?? null;
}

/** Why a field cannot be changed here: the place in the files, "" where that is not known; null if it can. */
export function lockOf(editor, path) {
  const field = fieldOf(editor, path);
  const isLocked = field?.locked || editor.entity?.locked?.includes(shownPath(editor.kind, path));
  return isLocked ? (field?.place ?? "") : null;
}

/** Whether the files declare it. */
export const isManaged = ({ entity }) => Boolean(entity?.source);

/** Whether saving what was typed makes live differ from what the files say. */
export function leavesFile(editor) {
  const isOfFile = (field) => field?.state === "managed" && field.owner !== "ui";
  return editor.draft.changed.some((path) => isOfFile(fieldOf(editor, path)));
}

/** The fields that differ from the file, each as the server tells it. */
export function driftedFields({ entity }) {
  return Object.entries(entity?.fields ?? {})
    .filter(([, field]) => field.state === "drifted")
    .map(([path, field]) => ({ path, ...field }));
}

/** What is typed into a field, with all that changes together with it, as the file would say it. */
export function fragmentOf({ kind, key, draft }, path) {
  const meant = Object.entries(draft.leaves).filter(([one]) => groupOf(one) === groupOf(path));
  return renderFragment(`${kind}s`, key, documentOf(kind, Object.fromEntries(meant)));
}
