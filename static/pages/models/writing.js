// Writes of a model from its row in the list: a price, the switch, free. Each can be undone, and none overwrites what
// somebody else saved meanwhile.

import { ApiError, get, ifMatch, patch } from "../../api.js";
import { toast } from "../../components/toast.js";
import { documentOf, leavesOf, patchOf } from "../../documents/leaves.js";
import { differences } from "../../documents/merge.js";
import { openMerge } from "../../documents/merge-dialog.js";
import { actorText, labelOf } from "../../documents/words.js";
import { dimensionText, price } from "../../format.js";

const pathOf = (key) => `/api/admin/models/${encodeURIComponent(key)}`;
const plain = (row) => documentOf("model", leavesOf("model", row));

/** `onrow(row)` hears of every state that the server told. */
export class Writing {
  #onrow;

  constructor(onrow) {
    this.#onrow = onrow;
  }

  /** Write changes of a row. Returns whether they are saved. `said` stands in the toast, with the way back. */
  async write(row, changes, said) {
    try {
      const saved = await patch(pathOf(row.key), changes, { headers: ifMatch(row.etag) });
      this.#onrow(saved);
      toast(said, { undo: () => this.#undo(row, saved) });
      for (const warning of saved.warnings ?? []) toast(warning, { tone: "info" });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412 && error.details.current?.key) return this.#merge(row, changes, said);
      this.#refused(row, error);
      return false;
    }
  }

  /** Rates by dimension; null takes one out. */
  prices(row, pricing) {
    const words = Object.entries(pricing)
      .filter(([name]) => name !== "free")
      .map(([name, value]) => `${dimensionText(name)} ${value === null ? "as input" : price(value)}`);
    return this.write(
      row,
      { pricing },
      `${row.display_name ?? row.key}: ${words.join(", ")}. For requests that start from now on.`,
    );
  }

  free(row) {
    const none = Object.fromEntries(Object.keys(row.pricing ?? {}).map((name) => [name, null]));
    return this.write(row, { pricing: { ...none, free: true } }, `${row.display_name ?? row.key} is free.`);
  }

  /** At once on the screen; taken back if the server refuses. */
  async enable(row, isOn) {
    this.#onrow({ ...row, enabled: isOn, served: isOn && row.served });
    const isSaved = await this.write(
      row,
      { enabled: isOn },
      `${row.display_name ?? row.key} is ${isOn ? "enabled" : "disabled"}.`,
    );
    if (!isSaved) this.#onrow(row);
  }

  async #undo(before, saved) {
    try {
      this.#onrow(
        await patch(pathOf(before.key), patchOf(plain(saved), plain(before)), { headers: ifMatch(saved.etag) }),
      );
      toast(`${before.display_name ?? before.key} is as it was.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const wasChanged = `${before.key} was changed since, so nothing was undone. Its history has every state.`;
      toast(error.status === 412 ? wasChanged : error.message, { tone: "bad" });
    }
  }

  /** Somebody was faster: compare the three sides. */
  async #merge(row, changes, said) {
    const [theirs, entity] = await Promise.all([
      get(pathOf(row.key)),
      get(`/api/admin/registry/models/${encodeURIComponent(row.key)}`),
    ]);
    const original = leavesOf("model", row);
    const yours = leavesOf("model", merge(plain(row), changes));
    const now = leavesOf("model", theirs);
    const [changed] = differences(original, now, original)
      .map(({ path }) => entity.fields[path])
      .filter((one) => one?.at);
    this.#onrow(theirs);
    const decided = await openMerge({
      title: row.display_name ?? row.key,
      original,
      theirs: now,
      yours,
      who: changed ? { name: actorText(changed.by), at: changed.at } : null,
    });
    if (!decided?.leaves) return decided !== null;
    const next = patchOf(plain(theirs), documentOf("model", decided.leaves));
    return Object.keys(next).length ? this.write(theirs, next, said) : true;
  }

  #refused(row, error) {
    if (error.status === 423)
      toast(
        `${labelOf(error.details.param)} of ${row.key} belongs to the file: edit ${error.details.place || "models.yaml"}.`,
        { tone: "bad" },
      );
    else
      toast(`${row.key} was not saved: ${error.message}${error.requestId ? ` (${error.requestId})` : ""}`, {
        tone: "bad",
      });
  }
}

/** A merge patch laid over a document. */
function merge(document, changes) {
  const merged = { ...document };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete merged[name];
    else if (typeof value === "object" && !Array.isArray(value)) merged[name] = merge(merged[name] ?? {}, value);
    else merged[name] = value;
  }
  return merged;
}
