// All documents of one kind: they are few enough to be filtered and sorted here.

import { get, withQuery } from "../api.js";

const PAGE = 200;

/** Every row of `/api/admin/models` or `/api/admin/providers`. */
export async function listAll(path, signal) {
  const rows = [];
  let cursor = null;
  do {
    const page = await get(withQuery(path, { limit: PAGE, cursor }), { signal });
    rows.push(...page.data);
    cursor = page.has_more ? page.next_cursor : null;
  } while (cursor);
  return rows;
}
