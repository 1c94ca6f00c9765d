// Which rows of a list are selected: one by one, in a range, or all that are shown. Pure.

export class Selection {
  #ids = new Set();
  /** What was selected or taken out last: a range goes from there. */
  last = null;

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  /** Turn one round. With `isRange`, all from the last one to this one, in the order of `shown`, become as this one. */
  toggle(id, shown, { isRange = false } = {}) {
    const [from, to] = [shown.indexOf(this.last), shown.indexOf(id)].sort((a, b) => a - b);
    this.put(isRange && from >= 0 ? shown.slice(from, to + 1) : [id], !this.has(id));
    this.last = id;
  }

  put(ids, isOn) {
    for (const id of ids) this.#ids[isOn ? "add" : "delete"](id);
  }

  /** Nobody is selected who cannot be seen. */
  keepOnly(shown) {
    this.#ids = new Set(shown.filter((id) => this.has(id)));
  }

  clear() {
    this.#ids.clear();
  }
}
