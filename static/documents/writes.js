// How a document is written over the API: where it is, and the way back from a write that was just made.

import { ApiError, ifMatch, patch } from "../api.js";
import { toast } from "../components/toast.js";
import { documentOf, leavesOf, patchOf } from "./leaves.js";

/** The document itself, and what the registry knows of its fields. */
export const documentPath = (kind, key) => `/api/admin/${kind}s/${encodeURIComponent(key)}`;
export const entityPath = (kind, key) => `/api/admin/registry/${kind}s/${encodeURIComponent(key)}`;

/** A row without what stands beside the document, in its shortest form. */
export const plain = (kind, row) => documentOf(kind, leavesOf(kind, row));

/** Write a row with those changes, if it is still as it was seen. Gives the row as it is then. */
export const writeRow = (kind, row, changes) =>
  patch(documentPath(kind, row.key), changes, { headers: ifMatch(row.etag) });

/** Make `saved` what it was `before`, unless somebody changed it since; says it. Gives the row, or null. */
export async function takeBack(kind, before, saved) {
  try {
    const row = await writeRow(kind, saved, patchOf(plain(kind, saved), plain(kind, before)));
    toast(`${before.display_name ?? before.key} is as it was before.`);
    return row;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const since = `${before.key} was changed since, so nothing was undone. Its history has every state.`;
    toast(error.status === 412 ? since : error.message, { tone: "bad" });
    return null;
  }
}

/** An error in a toast, with the request's id. Anything but an ApiError is thrown on. */
export function tellError(error, before = "") {
  if (!(error instanceof ApiError)) throw error;
  const id = error.requestId ? ` (${error.requestId})` : "";
  toast(`${before}${error.message}${id}`, { tone: "bad" });
}
