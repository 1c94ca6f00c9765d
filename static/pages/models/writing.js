// Writes of a model from its row in the list: a price, the switch, free. Each can be undone, and none overwrites what
// somebody else saved meanwhile.

import { ApiError, get } from "../../api.js";
import { toast } from "../../components/toast.js";
import { whoChanged } from "../../documents/authors.js";
import { documentOf, leavesOf, mergePatch, patchOf } from "../../documents/leaves.js";
import { openMerge } from "../../documents/merge-dialog.js";
import { labelOf } from "../../documents/words.js";
import { documentPath, entityPath, plain, takeBack, tellError, writeRow } from "../../documents/writes.js";
import { dimensionText, price } from "../../format.js";

const nameOf = (row) => row.display_name ?? row.key;

/** `rows` are the Documents of the list: they hear of every state that the server told. */
export class Writing {
  #rows;
  #last = new Map();

  constructor(rows) {
    this.#rows = rows;
  }

  /** Write changes of a row. Resolves to whether they are saved. `said` stands in the toast, with the way back. */
  write(row, changes, said) {
    // One write of a model after the other: the second is of what the first has made, and no conflict with it.
    const before = this.#last.get(row.key) ?? Promise.resolve();
    const done = before.then(() => {
      const now = this.#rows.rowOf(row.key);
      return this.#write(now && now.etag !== row.etag ? now : row, changes, said);
    });
    this.#last.set(
      row.key,
      done.catch(() => {}),
    );
    return done;
  }

  async #write(row, changes, said) {
    try {
      const saved = await writeRow("model", row, changes);
      this.#rows.put(saved);
      toast(said, { undo: () => this.#undo(row, saved) });
      for (const warning of saved.warnings ?? []) toast(warning, { tone: "info" });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 412 && error.details.current?.key)
        return this.#merge(row, changes, said).catch((failed) => this.#refused(row, failed));
      return this.#refused(row, error);
    }
  }

  #refused(row, error) {
    if (error.status === 423) toast(ownedByFile(row, error.details), { tone: "bad" });
    else tellError(error, `${row.key} was not saved: `);
    return false;
  }

  /** Rates by dimension; null takes one out. */
  prices(row, pricing) {
    const words = Object.entries(pricing)
      .filter(([name]) => name !== "free")
      .map(([name, value]) => `${dimensionText(name)} ${value === null ? "as input" : price(value)}`);
    return this.write(row, { pricing }, `${nameOf(row)}: ${words.join(", ")}. For requests that start from now on.`);
  }

  free(row) {
    const none = Object.fromEntries(Object.keys(row.pricing ?? {}).map((name) => [name, null]));
    return this.write(row, { pricing: { ...none, free: true } }, `${nameOf(row)} is free.`);
  }

  /** At once on the screen; taken back if the server refuses. */
  async enable(row, isOn) {
    this.#rows.put({ ...row, enabled: isOn, served: isOn && row.served });
    const isSaved = await this.write(row, { enabled: isOn }, `${nameOf(row)} is ${isOn ? "enabled" : "disabled"}.`);
    if (!isSaved && this.#rows.rowOf(row.key)?.etag === row.etag) this.#rows.put(row);
  }

  async #undo(before, saved) {
    const row = await takeBack("model", before, saved);
    if (row) this.#rows.put(row);
  }

  /** Somebody was faster: compare the three sides. */
  async #merge(row, changes, said) {
    const [theirs, entity] = await Promise.all([
      get(documentPath("model", row.key)),
      get(entityPath("model", row.key)),
    ]);
    const sides = {
      original: leavesOf("model", row),
      theirs: leavesOf("model", theirs),
      yours: leavesOf("model", mergePatch(plain("model", row), changes)),
    };
    this.#rows.put(theirs);
    const decided = await openMerge({ ...sides, title: nameOf(row), who: whoChanged("model", sides, entity) });
    if (!decided?.leaves) return decided !== null;
    const next = patchOf(plain("model", theirs), documentOf("model", decided.leaves));
    return Object.keys(next).length ? this.#write(theirs, next, said) : true;
  }
}

const ownedByFile = (row, { param, place }) =>
  `${labelOf(param)} of ${row.key} belongs to the file: edit ${place || "models.yaml"}.`;
