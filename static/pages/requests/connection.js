// The line to the server's events: it comes back where it was, is cut while nobody looks, and asks again and again
// where no stream can be held open.

import { ApiError, get, withQuery } from "../../api.js";

const FAILURES_MAX = 3;
const RETRY_MS = 3000;
const POLL_MS = 2000;
const POLLS_PER_TRY = 10;

/**
 * `handle` hears `status(name)` (connecting, live, reconnecting, polling, hidden), `settled(rows)`,
 * `progress(rows, more)` and `reset()`. `filters` are those of /api/admin/events. It ends with `signal`, or `stop()`.
 */
export class Connection {
  #filters;
  #handle;
  #cursor;
  #source = null;
  #timer = null;
  #failures = 0;
  #polls = 0;
  /** Which line this is: what an older one still hears is not heard. */
  #line = 0;
  #end = new AbortController();

  constructor({ filters, cursor, handle, signal }) {
    this.#filters = filters;
    this.#cursor = cursor;
    this.#handle = handle;
    signal.addEventListener("abort", () => this.stop());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#hide() : this.#open()), {
      signal: this.#end.signal,
    });
    addEventListener("pagehide", () => this.#close(), { signal: this.#end.signal });
    if (document.hidden) this.#hide();
    else this.#open();
  }

  stop() {
    this.#end.abort();
    this.#close();
  }

  #hide() {
    this.#close();
    this.#handle.status("hidden");
  }

  #close() {
    this.#line += 1;
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  #open() {
    if (this.#end.signal.aborted) return;
    this.#close();
    this.#handle.status(this.#failures ? "reconnecting" : "connecting");
    const source = (this.#source = new EventSource(
      withQuery("/api/admin/events", { ...this.#filters, after: this.#cursor }),
    ));
    const on = (name, hear) => source.addEventListener(name, (event) => this.#source === source && hear(event));
    on("open", () => {
      this.#failures = 0;
      this.#handle.status("live");
    });
    on("error", () => this.#fail(source));
    on("request", (event) => {
      this.#cursor = event.lastEventId || this.#cursor;
      this.#handle.settled([JSON.parse(event.data)]);
    });
    on("progress", (event) => {
      const { data, more } = JSON.parse(event.data);
      this.#handle.progress(data, more);
    });
    on("reset", () => this.#handle.reset());
  }

  /** The browser tries again by itself unless the answer was a refusal; where three tries failed, ask instead. */
  #fail(source) {
    this.#failures += 1;
    if (this.#failures >= FAILURES_MAX) {
      this.#close();
      this.#polls = 0;
      this.#poll();
      return;
    }
    this.#handle.status("reconnecting");
    if (source.readyState === EventSource.CLOSED) {
      this.#close();
      this.#timer = setTimeout(() => this.#open(), RETRY_MS);
    }
  }

  async #poll() {
    const { signal } = this.#end;
    const line = this.#line;
    this.#handle.status("polling");
    let wait = POLL_MS;
    try {
      const page = await get(withQuery("/api/admin/usage/tail", { ...this.#filters, after: this.#cursor }), { signal });
      if (line !== this.#line) return;
      this.#cursor = page.cursor;
      if (page.data.length) this.#handle.settled(page.data);
      if (page.has_more) wait = 0;
      this.#polls += 1;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      if (line !== this.#line) return;
      this.#handle.status("reconnecting");
    }
    this.#timer = setTimeout(() => (this.#polls >= POLLS_PER_TRY ? this.#open() : this.#poll()), wait);
  }
}

/** The cursor of now: what settles after this is heard, even before the line stands. */
export async function cursorOfNow(filters, signal) {
  return (await get(withQuery("/api/admin/usage/tail", filters), { signal })).cursor;
}
