// The History API over one table of routes: which page an address is, its title, focus, and the end of the old page.

import { addressChanged } from "./address.js";
import { render } from "./html.js";
import { matchRoute } from "./match-route.js";
import { Places, newEntry } from "./places.js";

export class Router extends EventTarget {
  #routes;
  #root;
  #guard;
  #leave = new AbortController();
  #path = null;
  #here = null;
  #page = null;
  #unavailable;
  #places = new Places();

  /**
   * `guard(route)` gives the path to go to instead, or null. `notFound` is a page for addresses that are none;
   * `unavailable(error)` gives the one for a page whose file does not come.
   */
  constructor(routes, root, { guard, notFound, unavailable }) {
    super();
    this.#routes = routes;
    this.#root = root;
    this.#guard = guard;
    this.notFound = notFound;
    this.#unavailable = unavailable;
    this.route = null;
    // A jump within the page, such as the skip link's, is one too.
    addEventListener("popstate", () => location.pathname + location.search !== this.#here && this.#goneBack());
    document.addEventListener("click", (event) => this.#follow(event));
  }

  start() {
    return this.#enter({ isFirst: true, isBack: true });
  }

  go(url, { replace = false } = {}) {
    if (this.#isHeld(url)) return undefined;
    writeEntry(url, replace);
    return this.#enter();
  }

  /** Change parameters of the query; null or "" takes one out. The page stays and hears of it. */
  setQuery(changes, { replace = false } = {}) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) {
      url.searchParams.delete(name);
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== null && one !== undefined && one !== "") url.searchParams.append(name, one);
      }
    }
    if (url.href === location.href) return;
    writeEntry(url, replace);
    this.#enter();
  }

  /** Whether the page would lose something if it were left for that address: it asks, and goes on by itself. */
  #isHeld(url) {
    const isLeft = new URL(url, location.href).pathname !== this.#path;
    return isLeft && this.#page?.holds?.(() => this.go(url)) === true;
  }

  /** The browser went to another address already; a page that must be asked first is gone back to. */
  #goneBack() {
    const { href } = location;
    if (!this.#isHeld(href)) return this.#enter({ isBack: true });
    writeEntry(this.#here, false);
    return undefined;
  }

  /** Make the page anew, as after signing in. */
  reload() {
    this.#path = null;
    return this.#enter();
  }

  /** The page as it is, drawn anew. */
  refresh() {
    this.#page?.onquery?.(new URLSearchParams(location.search));
  }

  /** `isBack`: it was there before, as after the browser's Back, Forward or Reload. */
  async #enter({ isFirst = false, isBack = false } = {}) {
    addressChanged();
    this.#places.leave();
    const path = location.pathname;
    this.#here = path + location.search;
    const found = matchRoute(this.#routes, path);
    const elsewhere = found && this.#guard(found.route);
    if (elsewhere) return this.go(elsewhere, { replace: true });
    if (path === this.#path && this.#page?.onquery) {
      this.refresh();
      this.#places.stay(this.#root, isBack);
      return undefined;
    }
    this.#leave.abort();
    this.#leave = new AbortController();
    const { signal } = this.#leave;
    this.#path = path;
    // Until the next one is there, there is none to hear of a query.
    this.#page = null;
    this.route = found?.route ?? null;
    this.dispatchEvent(new Event("route"));
    // What is seen is the page before this one still.
    this.#root.setAttribute("aria-busy", "true");
    const make = await this.#load(found ? found.route.load : this.notFound);
    if (signal.aborted) return undefined;
    this.#root.removeAttribute("aria-busy");
    render(null, this.#root);
    const context = {
      params: found?.params ?? {},
      query: () => new URLSearchParams(location.search),
      signal,
      router: this,
      draw: (template) => signal.aborted || render(template, this.#root),
    };
    this.#page = make(context) ?? {};
    this.#arrive(found?.route.title ?? "Not found", isFirst);
    if (isBack) this.#places.restore(this.#root);
    else this.#places.begin(this.#root);
    return undefined;
  }

  /** The page's function; where its file cannot be fetched, the page that says so. */
  async #load(load) {
    try {
      return (await load()).default;
    } catch (error) {
      return this.#unavailable(error);
    }
  }

  /** Title, and focus on the heading: a screen reader says where one is now. */
  #arrive(title, isFirst) {
    document.title = `${title} · quart-proxy`;
    if (isFirst) return;
    (this.#root.querySelector("h1") ?? this.#root).focus({ preventScroll: true });
  }

  #follow(event) {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target.closest?.("a[href]");
    if (!link || link.hasAttribute("target") || link.hasAttribute("download")) return;
    // Links in drawings have no `pathname` of their own.
    const address = new URL(link.getAttribute("href"), location.href);
    const isOurs =
      address.origin === location.origin && (address.pathname === "/" || address.pathname.startsWith("/ui"));
    if (!isOurs || (address.hash && address.pathname === location.pathname)) return;
    event.preventDefault();
    this.go(address.href);
  }
}

function writeEntry(url, replace) {
  if (replace) history.replaceState(history.state, "", url);
  else history.pushState(newEntry(), "", url);
}
