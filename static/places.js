// How far each entry of the history was scrolled, so that the way back leads to the same place: at once, or when the
// data is there that makes the page long enough.

const KEPT = "places";
const LOADING = ".skeleton, [aria-busy=true]";
const HANDS = ["wheel", "touchmove", "pointerdown", "keydown"];

let number = 0;

/** What a new entry of the history is known by, as its state. */
export const newEntry = () => ({ entry: `${performance.timeOrigin}/${++number}` });

const entryNow = () => history.state?.entry ?? location.href;

export class Places {
  #places = new Map(JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
  #entry = entryNow();
  #isThere = false;
  #follow = null;

  constructor() {
    // The browser would scroll when the address changes, which is before there is anything to scroll.
    history.scrollRestoration = "manual";
    addEventListener("pagehide", () => {
      this.#keep();
      sessionStorage.setItem(KEPT, JSON.stringify([...this.#places]));
    });
  }

  /** The address changed, and the page of the one before is still to be seen. */
  leave() {
    if (entryNow() === this.#entry) return;
    this.#keep();
    this.#stop();
    this.#entry = entryNow();
    this.#isThere = false;
  }

  /** What is new begins at its top, or with the part that the address names. */
  begin(root) {
    if (location.hash) return this.#hold(root, scrollToPart);
    this.#stop();
    this.#isThere = true;
    return scrollTo(0, 0);
  }

  /** The page stays, and its address says something else: by the way back, it is where it was then. */
  stay(root, isBack) {
    this.#isThere = true;
    if (isBack) this.restore(root);
  }

  /** What was seen before is where it was, while it loads and until a hand moves it. */
  restore(root) {
    const top = this.#places.get(this.#entry);
    if (top === undefined) this.begin(root);
    else this.#hold(root, () => scrollTo(0, top));
  }

  #hold(root, scroll) {
    this.#stop();
    this.#isThere = true;
    const follow = () => {
      scroll();
      if (!root.querySelector(LOADING)) this.#stop();
    };
    const watch = new MutationObserver(follow);
    const hands = new AbortController();
    const stop = () => this.#stop();
    for (const name of HANDS) addEventListener(name, stop, { signal: hands.signal, capture: true, passive: true });
    this.#follow = { watch, hands };
    watch.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-busy"] });
    follow();
  }

  /** A page that is still on its way to its place was not moved from it. */
  #keep() {
    if (this.#isThere && !this.#follow) this.#places.set(this.#entry, scrollY);
  }

  #stop() {
    this.#follow?.watch.disconnect();
    this.#follow?.hands.abort();
    this.#follow = null;
  }
}

/** To what the address names behind its #, which may be there only when the data is. */
const scrollToPart = () => document.getElementById(location.hash.slice(1))?.scrollIntoView();
