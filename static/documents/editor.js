// One document in a drawer: what is saved, what is typed over it, where each field stands, and every write of it.
//
// What is typed is never overwritten: a change by somebody else is kept beside it until it was looked at.

import { ApiError, get } from "../api.js";
import { Form } from "../components/forms.js";
import { toast } from "../components/toast.js";
import { whoChanged } from "./authors.js";
import { Draft, faultsByPath } from "./draft.js";
import { knownPath, leavesOf } from "./leaves.js";
import { differences, overlaps } from "./merge.js";
import { openMerge } from "./merge-dialog.js";
import { fragmentOf } from "./standing.js";
import { labelOf } from "./words.js";
import { documentPath, entityPath, takeBack, tellError, writeRow } from "./writes.js";

export class Editor {
  draft = null;
  row = null;
  entity = null;
  error = null;
  /** What became of the document while something was typed: `{row, entity}`, or null. */
  meanwhile = null;
  isGone = false;
  /** The save that is under way, or null. */
  saving = null;
  #signal;
  #draw;
  #onsaved;
  #isActing = false;
  /** What was typed and refused, because only the files may change it: by path, as the file would say it. */
  refused = new Map();

  /** `kind`: "model" or "provider". `onsaved(row)` hears of every new state; `draw()` shows the drawer anew. */
  constructor({ kind, key, signal, draw, onsaved }) {
    this.kind = kind;
    this.key = key;
    this.path = documentPath(kind, key);
    this.entityPath = entityPath(kind, key);
    this.#signal = signal;
    this.#draw = draw;
    this.#onsaved = onsaved;
    this.form = new Form({ draw, submit: () => this.save() });
  }

  get isDirty() {
    return this.draft !== null && this.draft.isDirty;
  }

  /** The form as `field` takes it, with what is wrong while it is typed. */
  get fields() {
    return { id: this.form.id, faults: new Map([...this.form.faults, ...this.draft.faults]) };
  }

  async load() {
    this.error = null;
    try {
      this.#take(await this.#fetch());
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.#draw();
  }

  async #fetch() {
    const asked = { signal: this.#signal };
    const [row, entity] = await Promise.all([get(this.path, asked), get(this.entityPath, asked)]);
    return { row, entity };
  }

  #take({ row, entity }) {
    this.row = row;
    this.entity = entity;
    this.draft = new Draft(this.kind, row, row.etag);
    this.meanwhile = null;
    this.#onsaved(row);
  }

  /** The same, with what was typed laid over it again. */
  #takeUnder(now, typed) {
    this.#take(now);
    for (const [path, text] of typed) this.draft.type(path, text);
  }

  /** Look whether somebody changed it. What nobody types into follows at once; else it waits to be reviewed. */
  async poll() {
    const { draft } = this;
    if (!draft || this.form.isBusy || this.isGone) return;
    try {
      const row = await get(this.path, { signal: this.#signal });
      if (this.draft !== draft) return;
      const isKnown = row.etag === this.draft.etag || row.etag === this.meanwhile?.row.etag;
      if (isKnown && row.registry?.state === this.row.registry?.state) return;
      const entity = await get(this.entityPath, { signal: this.#signal });
      // What was saved meanwhile is newer than this answer.
      if (this.form.isBusy || this.draft !== draft) return;
      if (row.etag === this.draft.etag) Object.assign(this, { row, entity });
      else if (this.isDirty) this.meanwhile = { row, entity };
      else this.#take({ row, entity });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) return;
      this.isGone = true;
    }
    this.#draw();
  }

  type(path, typed) {
    this.draft.type(path, typed);
    this.form.faults.delete(path);
    this.#draw();
  }

  /** Take back what was typed into one field. */
  restore(path) {
    this.draft.reset(path);
    this.#draw();
  }

  discard() {
    this.draft.reset();
    this.form.error = null;
    this.form.faults = new Map();
    if (this.meanwhile) this.#take(this.meanwhile);
    this.#draw();
  }

  // --- saving ---------------------------------------------------------------------------------------

  /** Save what was typed. Throws ApiError with faults by field; a change by somebody else is merged in a dialog. */
  save() {
    this.saving = this.#save().finally(() => {
      this.saving = null;
    });
    return this.saving;
  }

  async #save() {
    if (!this.isDirty) return undefined;
    const faults = this.draft.faults;
    if (faults.size)
      throw Object.assign(new ApiError(422, { message: "Some fields cannot be saved as they are." }), { faults });
    try {
      await this.#write();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412) return this.review();
      throw await this.#told(error);
    }
    return undefined;
  }

  async #write() {
    const { draft, row: before } = this;
    const { changed, typed: sent } = draft;
    const row = await writeRow(this.kind, { key: this.key, etag: draft.etag }, draft.patch);
    this.#takeUnder({ row, entity: await this.#entityNow() }, draft.typedSince(sent));
    const what = changed.length === 1 ? labelOf(changed[0]) : `${changed.length} fields`;
    toast(`Saved ${what} of ${this.key}.`, { undo: () => this.#undo(before, row) });
    for (const warning of row.warnings ?? []) toast(warning, { tone: "info" });
    this.#draw();
  }

  /** Where the fields stand; as it was before if that cannot be read: what was saved is saved all the same. */
  async #entityNow() {
    try {
      return await get(this.entityPath);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.entity;
    }
  }

  async #undo(before, saved) {
    const row = await takeBack(this.kind, before, saved);
    if (row) this.#follow({ row, entity: await this.#entityNow() });
    this.#draw();
  }

  /** What one's own act made of it: what is typed beside it stays typed, what is typed over it waits to be reviewed. */
  #follow(now) {
    const theirs = leavesOf(this.kind, now.row);
    const { original, leaves } = this.draft;
    if (overlaps(differences(original, theirs, leaves)).length) this.meanwhile = now;
    else this.#takeUnder(now, this.draft.typed);
    this.#onsaved(now.row);
  }

  /** The server's error with faults at the paths of the draft; what only the files may change is put aside. */
  async #told(error) {
    error.faults = faultsByPath(this.kind, error.faults);
    if (error.status !== 423) return error;
    const path = knownPath(this.kind, error.details.param);
    this.refused.set(path, fragmentOf(this, path));
    this.draft.reset(path);
    this.entity = await this.#entityNow();
    error.faults = new Map();
    return error;
  }

  /** Compare what was typed with what is live by now, and take what was decided. */
  async review() {
    const theirs = await this.#fetch();
    const sides = { original: this.draft.original, theirs: leavesOf(this.kind, theirs.row), yours: this.draft.leaves };
    const decided = await openMerge({ ...sides, title: this.key, who: whoChanged(this.kind, sides, theirs.entity) });
    if (decided === null) {
      this.meanwhile = theirs;
      this.#draw();
      return;
    }
    this.#take(theirs);
    if (decided.leaves) this.draft.say(decided.leaves);
    this.#draw();
    if (decided.leaves && this.isDirty) await this.save();
  }

  /** The same from outside the form: what goes wrong stands over the fields. */
  async reviewNow() {
    try {
      await this.review();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      Object.assign(this.form, { error, faults: error.faults });
      this.#draw();
    }
  }

  // --- actions --------------------------------------------------------------------------------------

  /** Do something to it, then show how it is now. Says it in a toast; an error too. Returns whether it was done. */
  async act(what, said) {
    if (this.#isActing) return false;
    this.#isActing = true;
    try {
      await what();
      if (said) toast(said);
      await this.refresh();
      return true;
    } catch (error) {
      if (error.name !== "AbortError") tellError(error);
      return false;
    } finally {
      this.#isActing = false;
    }
  }

  /** How it is now, without what was typed being lost. */
  async refresh() {
    this.#follow(await this.#fetch());
    this.#draw();
  }
}
