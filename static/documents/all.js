// All documents of one kind: they are few enough to be filtered and sorted here.

import { get, withQuery } from "../api.js";
import { Resource } from "../components/resource.js";

const PAGE = 200;

/** Every row of `/api/admin/models` or `/api/admin/providers`. `kind`: "model" or "provider". */
export class Documents extends Resource {
  #saved = new Map();

  constructor(context, kind, draw) {
    super(context, (signal) => this.#fetchAll(`/api/admin/${kind}s`, signal), draw);
  }

  async #fetchAll(path, signal) {
    const saved = (this.#saved = new Map());
    const rows = [];
    let cursor = null;
    do {
      const page = await get(withQuery(path, { limit: PAGE, cursor }), { signal });
      rows.push(...page.data);
      cursor = page.has_more ? page.next_cursor : null;
    } while (cursor);
    // What was saved while this was on its way is newer than what it says.
    return [...saved.values()].reduce(withRow, rows);
  }

  /** The row of a key as it is now, or undefined. */
  rowOf(key) {
    return this.data?.find((row) => row.key === key);
  }

  /** Put a row in place of the one with its key, or add it: what a write answered. */
  put(row) {
    this.#saved.set(row.key, row);
    if (this.data) this.set(withRow(this.data, row));
  }
}

function withRow(rows, row) {
  const isKnown = rows.some(({ key }) => key === row.key);
  return isKnown ? rows.map((one) => (one.key === row.key ? row : one)) : [...rows, row];
}
