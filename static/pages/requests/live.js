// The table as it grows: a tail of events, paused by the space bar, by scrolling down and by selecting text.

import { announce } from "../../announce.js";
import { badge } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { Connection, cursorOfNow } from "./connection.js";
import { matches, streamFilters } from "./filters.js";
import { announcement, EMPTY_TAIL, heldText, reduceTail, samplingText, seedTail } from "./tail.js";

const TICK_MS = 1000;
const CHIPS = {
  connecting: ["Connecting", "quiet", "clock"],
  live: ["Live", "good", "live"],
  paused: ["Paused", "warn", "pause"],
  reconnecting: ["Reconnecting", "warn", "refresh"],
  polling: ["Polling", "info", "refresh"],
  hidden: ["Paused in the background", "quiet", "pause"],
};
/** Where the space bar has a meaning of its own. */
const OWN_SPACE = "button, input, select, textarea, summary, dialog, [contenteditable]";

/**
 * `load()` fetches the first page of the list, `draw()` shows the page, `place()` is the element that the rows are in;
 * `heard()` is told whenever requests settled.
 */
export class LiveRequests {
  #context;
  #filters;
  #state = EMPTY_TAIL;
  #status = "connecting";
  #more = 0;
  #reasons = new Set();
  #connection = null;
  #end = new AbortController();
  #drawing = false;

  constructor({ filters, load, draw, place, heard, signal }) {
    this.#filters = filters;
    this.#context = { load, draw, place, heard };
    signal.addEventListener("abort", () => this.stop());
    const options = { signal: this.#end.signal };
    document.addEventListener("keydown", (event) => this.#press(event), options);
    document.addEventListener("selectionchange", () => this.#note("selection", this.#isSelected()), options);
    addEventListener("scroll", () => this.#note("scroll", (place()?.getBoundingClientRect().top ?? 0) < 0), {
      ...options,
      passive: true,
    });
    const timer = setInterval(() => this.#tick(), TICK_MS);
    this.#end.signal.addEventListener("abort", () => clearInterval(timer));
    this.#start();
  }

  get rows() {
    return this.#state.rows;
  }

  stop() {
    this.#end.abort();
  }

  /** The cursor first and then the list: what settles between the two comes twice, and is known by its id. */
  async #start() {
    const { signal } = this.#end;
    const cursor = await this.#cursor(signal);
    const list = await this.#context.load();
    if (signal.aborted) return;
    this.#state = seedTail(list?.data ?? [], { isPaused: this.#reasons.size > 0 });
    this.#connection?.stop();
    this.#connection = new Connection({
      filters: streamFilters(this.#filters),
      cursor,
      signal,
      handle: {
        status: (name) =>
          this.#set(() => {
            this.#status = name;
          }),
        settled: (rows) => this.#settle(rows.filter((row) => matches(this.#filters, row))),
        progress: (rows, more) => {
          this.#more = more ?? 0;
          this.#hear({ type: "progress", rows: rows.filter((row) => matches(this.#filters, row)), now: Date.now() });
        },
        reset: () => this.#start(),
      },
    });
  }

  /** Without a cursor the line begins at its first answer; the page works, and says what it is. */
  async #cursor(signal) {
    try {
      return await cursorOfNow(streamFilters(this.#filters), signal);
    } catch {
      return null;
    }
  }

  #settle(rows) {
    if (!rows.length) return;
    this.#hear({ type: "settled", rows });
    this.#context.heard();
  }

  #hear(event) {
    this.#set(() => {
      this.#state = reduceTail(this.#state, event);
    });
  }

  /** Many events, one drawing. */
  #set(change) {
    change();
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (!this.#end.signal.aborted) this.#context.draw();
    });
  }

  #tick() {
    const now = Date.now();
    this.#hear({ type: "tick", now });
    const text = announcement(this.#state, now);
    if (!text) return;
    announce(text);
    this.#hear({ type: "said", now });
  }

  // --- pausing ---

  #note(reason, holds) {
    if (holds === this.#reasons.has(reason)) return;
    if (holds) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    this.#hear({ type: this.#reasons.size ? "pause" : "resume" });
  }

  #isSelected() {
    const selection = getSelection();
    return !selection.isCollapsed && Boolean(this.#context.place()?.contains(selection.anchorNode));
  }

  #press(event) {
    if (event.key !== " " || event.defaultPrevented || !preferences.hasShortcuts || event.target.closest?.(OWN_SPACE))
      return;
    event.preventDefault();
    this.turn();
  }

  /** Pause, or go on: then nothing else holds it back either. */
  turn = () => {
    if (!this.#reasons.size) {
      this.#note("hand", true);
      return;
    }
    if (this.#reasons.has("scroll")) scrollTo({ top: 0 });
    if (this.#reasons.has("selection")) getSelection().removeAllRanges();
    this.#reasons.clear();
    this.#hear({ type: "resume" });
  };

  // --- what is shown of it ---

  bar() {
    const isPaused = this.#reasons.size > 0;
    const [text, tone, iconName] = CHIPS[isPaused && this.#status === "live" ? "paused" : this.#status];
    const held = heldText(this.#state);
    return html`<span class="live-status" data-status=${this.#status} data-paused=${isPaused}
        >${badge(text, tone, iconName)}</span
      >
      <button type="button" class="button" @click=${this.turn}>
        ${icon(isPaused ? "play" : "pause")}${isPaused ? (held ? `${held}, resume` : "Resume") : "Pause"}
      </button>`;
  }

  /** Words on what is not shown; nothing while all is. */
  notes() {
    const busy = samplingText(this.#state, Date.now());
    const more = this.#more ? `${count(this.#more)} more are under way.` : null;
    return when(
      busy || more,
      () =>
        html`<p class="strip" data-tone="info">
          ${icon("info")}<span>${[busy, more].filter(Boolean).join(" ")}</span>
        </p>`,
    );
  }
}
