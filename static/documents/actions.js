// What can be done about a document beside editing it: give it back to the file, let the file at it again, delete it.

import { ApiError, del, get, ifMatch, post } from "../api.js";
import { confirm } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { groupOf, knownPath } from "./leaves.js";
import { labelOf } from "./words.js";
import { documentPath, tellError } from "./writes.js";

/** Give fields back to the file, with all that changes together with them; none named: all of it. */
export function revert(editor, paths) {
  const groups = new Set(paths.map((path) => groupOf(knownPath(editor.kind, path))));
  const what = [...groups].map(labelOf).join(", ");
  return editor.act(
    () => post(`${editor.entityPath}/revert`, paths.length ? { paths } : {}),
    paths.length
      ? `${what} of ${editor.key} ${groups.size === 1 ? "is" : "are"} as in the file.`
      : `${editor.key} is as in the file.`,
  );
}

/** End the holds that are on this document alone. */
export function liftHolds(editor) {
  return editor.act(async () => {
    const { data } = await get("/api/admin/registry/holds");
    const own = data.filter(({ entity }) => entity === `${editor.kind}/${editor.key}`);
    for (const { id } of own) await del(`/api/admin/registry/holds/${id}`);
    if (!own.length)
      throw new ApiError(409, { message: "The hold is on more than this: lift it under File and live." });
  }, `Files may change ${editor.key} again.`);
}

export function detach(editor, reason) {
  return editor.act(() => post(`${editor.entityPath}/detach`, { reason }), `${editor.key} is out of the file's hands.`);
}

/** Ask, then delete; the toast can bring it back. `onremoved()` runs after each. Resolves to whether it was deleted. */
export async function removeDocument({ kind, key, row }, { text, onremoved }) {
  if (!(await confirm({ title: `Delete ${key}?`, action: `Delete ${kind} ${key}`, text }))) return false;
  try {
    const { revision } = await get("/api/admin/registry/status");
    await del(documentPath(kind, key), { headers: ifMatch(row.etag) });
    toast(`Deleted ${kind} ${key}.`, { undo: () => bringBack({ kind, key, revision }, onremoved) });
  } catch (error) {
    tellError(error, error.status === 423 ? "" : `${key} was not deleted: `);
    return false;
  }
  onremoved();
  return true;
}

async function bringBack({ kind, key, revision }, ondone) {
  const asked = { to: revision, only: [`${kind}/${key}`], message: `undo: ${kind} ${key} back` };
  try {
    await post("/api/admin/registry/rollback", asked);
    toast(`${key} is back.`);
  } catch (error) {
    tellError(error);
  }
  ondone();
}
