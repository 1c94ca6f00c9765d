// One document in a drawer: what is saved, what is typed over it, where each field stands, and every write of it.
//
// What is typed is never overwritten: a change by somebody else is kept beside it until it was looked at.

import { ApiError, del, get, getWithEtag, ifMatch, patch, post } from "../api.js";
import { toast } from "../components/toast.js";
import { Form } from "../components/forms.js";
import { Draft, faultsByPath } from "./draft.js";
import { documentOf, groupOf, knownPath, leavesOf, patchOf, shownPath } from "./leaves.js";
import { differences } from "./merge.js";
import { openMerge } from "./merge-dialog.js";
import { actorText, labelOf } from "./words.js";

export class Editor {
  draft = null;
  row = null;
  entity = null;
  error = null;
  /** What became of the document while something was typed: `{row, entity}`, or null. */
  meanwhile = null;
  isGone = false;
  #signal;
  #draw;
  #onsaved;
  #locked = new Map();

  /** `kind`: "model" or "provider". `onsaved(row)` hears of every new state; `draw()` shows the drawer anew. */
  constructor({ kind, key, signal, draw, onsaved }) {
    this.kind = kind;
    this.key = key;
    this.path = `/api/admin/${kind}s/${encodeURIComponent(key)}`;
    this.entityPath = `/api/admin/registry/${kind}s/${encodeURIComponent(key)}`;
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
    const [{ data: row }, entity] = await Promise.all([
      getWithEtag(this.path, { signal: this.#signal }),
      get(this.entityPath, { signal: this.#signal }),
    ]);
    return { row, entity };
  }

  #take({ row, entity }) {
    this.row = row;
    this.entity = entity;
    this.draft = new Draft(this.kind, row, row.etag);
    this.meanwhile = null;
    this.#locked.clear();
    this.#onsaved(row);
  }

  /** Look whether somebody changed it. What nobody types into follows at once; else it waits to be reviewed. */
  async poll() {
    const { draft } = this;
    if (!draft || this.form.isBusy || this.isGone) return;
    try {
      const { data: row } = await getWithEtag(this.path, { signal: this.#signal });
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
  async save() {
    if (!this.isDirty) return undefined;
    const faults = this.draft.faults;
    if (faults.size)
      throw Object.assign(new ApiError(422, { message: "Some fields cannot be saved as they are." }), { faults });
    const before = this.row;
    try {
      await this.#write(this.draft.patch, this.draft.etag, this.draft.changed, before);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412) return this.review();
      throw this.#told(error);
    }
    return undefined;
  }

  async #write(changes, etag, paths, before) {
    const row = await patch(this.path, changes, { headers: ifMatch(etag) });
    const entity = await get(this.entityPath);
    this.#take({ row, entity });
    const what = paths.length === 1 ? labelOf(paths[0]) : `${paths.length} fields`;
    toast(`Saved ${what} of ${this.key}.`, { undo: () => this.#undo(before, row.etag) });
    for (const warning of row.warnings ?? []) toast(warning, { tone: "info" });
    this.#draw();
  }

  async #undo(before, etag) {
    const back = documentOf(this.kind, leavesOf(this.kind, before));
    try {
      const row = await patch(this.path, patchOf(this.row, back), { headers: ifMatch(etag) });
      if (this.isDirty) this.meanwhile = { row, entity: await get(this.entityPath) };
      else this.#take({ row, entity: await get(this.entityPath) });
      toast(`${this.key} is as it was before.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(
        error.status === 412
          ? `${this.key} was changed since, so nothing was undone. Its history has every state.`
          : error.message,
        { tone: "bad" },
      );
    }
    this.#draw();
  }

  /** The server's error with faults at the paths of the draft; what the files own is locked from now on. */
  #told(error) {
    error.faults = faultsByPath(this.kind, error.faults);
    if (error.status === 423) {
      const path = knownPath(this.kind, error.details.param);
      this.#locked.set(path, error.details.place ?? "");
      this.draft.reset(path);
      error.faults = new Map();
    }
    return error;
  }

  /** Compare what was typed with what is live by now, and take what was decided. */
  async review() {
    const theirs = await this.#fetch();
    const sides = { original: this.draft.original, theirs: leavesOf(this.kind, theirs.row), yours: this.draft.leaves };
    const decided = await openMerge({ ...sides, title: this.key, who: this.#whoChanged(sides, theirs.entity) });
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

  #whoChanged({ original, theirs }, entity) {
    const paths = differences(original, theirs, original).map(({ path }) => path);
    const authors = paths.map((path) => entity.fields[shownPath(this.kind, path)]).filter((one) => one?.at);
    const last = authors.sort((one, other) => (one.at < other.at ? 1 : -1))[0];
    return last ? { name: actorText(last.by), at: last.at } : null;
  }

  /** Who changed it meanwhile, and which fields: for the strip over the form. */
  get meanwhileWords() {
    const { row, entity } = this.meanwhile;
    const theirs = leavesOf(this.kind, row);
    const paths = differences(this.draft.original, theirs, this.draft.original).map(({ path }) => labelOf(path));
    return { who: this.#whoChanged({ original: this.draft.original, theirs }, entity), paths };
  }

  // --- where fields stand ---------------------------------------------------------------------------

  /** What is known of a field: its state, what the file says, where, who changed it. */
  fieldOf(path) {
    return this.entity?.fields[shownPath(this.kind, path)] ?? null;
  }

  /** Why a field cannot be changed here: the place in the files, "" where that is not known; null if it can. */
  lockOf(path) {
    if (this.#locked.has(path)) return this.#locked.get(path);
    const shown = shownPath(this.kind, path);
    const isLocked = this.fieldOf(path)?.locked || this.entity?.locked?.includes(shown);
    return isLocked ? (this.fieldOf(path)?.place ?? "") : null;
  }

  get isManaged() {
    return Boolean(this.entity?.source);
  }

  /** The fields that differ from the file, each as the server tells it. */
  get drifted() {
    return Object.entries(this.entity?.fields ?? {})
      .filter(([, field]) => field.state === "drifted")
      .map(([path, field]) => ({ path, ...field }));
  }

  // --- actions --------------------------------------------------------------------------------------

  /** Do something to it, then show how it is now. Says it in a toast; an error too. Returns whether it was done. */
  async act(what, said) {
    try {
      await what();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`${error.message}${error.requestId ? ` (${error.requestId})` : ""}`, { tone: "bad" });
      return false;
    }
    if (said) toast(said);
    await this.refresh();
    return true;
  }

  /** How it is now, without what was typed being lost. */
  async refresh() {
    const now = await this.#fetch();
    if (this.isDirty && now.row.etag !== this.draft.etag) this.meanwhile = now;
    else if (this.isDirty) Object.assign(this, now);
    else this.#take(now);
    this.#onsaved(now.row);
    this.#draw();
  }

  revert(paths) {
    const groups = new Set(paths.map((path) => groupOf(knownPath(this.kind, path))));
    return this.act(
      () => post(`${this.entityPath}/revert`, paths.length ? { paths } : {}),
      paths.length
        ? `${[...groups].map(labelOf).join(", ")} of ${this.key} ${groups.size === 1 ? "is" : "are"} as in the file.`
        : `${this.key} is as in the file.`,
    );
  }

  hold(fields, until, reason) {
    const body = { entity: `${this.kind}/${this.key}`, until, reason, ...(fields ? { fields } : {}) };
    return this.act(() => post("/api/admin/registry/holds", body), `Files leave ${this.key} alone until then.`);
  }

  liftHolds() {
    return this.act(async () => {
      const { data } = await get("/api/admin/registry/holds");
      const own = data.filter(({ entity }) => entity === `${this.kind}/${this.key}`);
      for (const { id } of own) await del(`/api/admin/registry/holds/${id}`);
      if (!own.length)
        throw new ApiError(409, { message: "The hold is on more than this: lift it under File and live." });
    }, `Files may change ${this.key} again.`);
  }

  detach(reason) {
    return this.act(() => post(`${this.entityPath}/detach`, { reason }), `${this.key} is out of the file's hands.`);
  }
}

/** Delete a document; the toast can bring it back. `ondone()` runs after each. */
export async function remove({ kind, key, etag }, ondone) {
  const { revision } = await get("/api/admin/registry/status");
  await del(`/api/admin/${kind}s/${encodeURIComponent(key)}`, { headers: ifMatch(etag) });
  ondone();
  toast(`Deleted ${kind} ${key}.`, {
    undo: async () => {
      try {
        await post("/api/admin/registry/rollback", {
          to: revision,
          only: [`${kind}/${key}`],
          message: `undo: ${kind} ${key} back`,
        });
        toast(`${key} is back.`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        toast(error.message, { tone: "bad" });
      }
      ondone();
    },
  });
}
