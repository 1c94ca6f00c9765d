// The one drawer that the address names: opened, stepped through and left as the address changes.

/** `make({key, onclose, onstep})` opens the drawer of a document, `rows()` are those that it can step to. */
export class OpenDocument {
  #router;
  #query;
  #make;
  #rows;
  #drawer = null;

  constructor({ router, query, make, rows }) {
    this.#router = router;
    this.#query = query;
    this.#make = make;
    this.#rows = rows;
  }

  /** Show what the address says by now, unless that would lose what was typed. */
  follow() {
    const key = this.#query().get("open");
    if (this.#drawer?.key === key) return this.#drawer?.draw();
    const leave = () => this.#router.setQuery({ open: key, tab: null });
    if (this.#drawer?.holds(leave)) return this.#router.setQuery({ open: this.#drawer.key });
    this.#drawer?.close();
    this.#drawer = key ? this.#open(key) : null;
    return undefined;
  }

  #open(key) {
    const onclose = () => {
      if (this.#drawer?.key !== key) return;
      this.#drawer = null;
      if (this.#query().get("open") === key) this.#router.setQuery({ open: null, tab: null });
    };
    return this.#make({ key, onclose, onstep: (by) => this.#step(by) });
  }

  #step(by) {
    const rows = this.#rows();
    const at = rows.findIndex(({ key }) => key === this.#drawer?.key) + by;
    if (rows[at]) this.#router.setQuery({ open: rows[at].key }, { replace: true });
  }

  /** Whether leaving the page would lose what was typed; `leave` runs once that is decided. */
  holds(leave) {
    return this.#drawer?.holds(leave) ?? false;
  }
}
