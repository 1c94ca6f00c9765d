// The drawer of one document: its standing, its tabs, one form over all of them, and the bar that saves it.

import { confirm, Dialog } from "../components/dialog.js";
import { icon } from "../components/icons.js";
import { emptyState, failure, skeletonRows } from "../components/resource.js";
import { plural } from "../format.js";
import { html, keyed, when } from "../html.js";
import { preferences } from "../preferences.js";
import { Editor } from "./editor.js";
import { filePanel, meanwhileStrip } from "./file-panel.js";
import { saveBar } from "./save-bar.js";
import { labelOf } from "./words.js";

const POLL_MS = 4000;

/**
 * `tabs`: `{name, text, make(editor, {signal, draw}) -> {view(), enter?()}}`. `tab()` is the one that the address
 * names, `hrefOf(name)` the address of one. `head(editor, draw)` gives what stands over the tabs, `actions(editor)`
 * what is beside the title, `titleOf(row)` the title.
 */
export class DocumentDrawer {
  #options;
  #dialog;
  #end = new AbortController();
  #tabs = new Map();
  #entered = null;

  constructor(options) {
    this.#options = options;
    const { kind, key, onsaved, onclose } = options;
    const signal = AbortSignal.any([options.signal, this.#end.signal]);
    const draw = () => this.draw();
    this.editor = new Editor({
      kind,
      key,
      signal,
      draw,
      onsaved: (row) => {
        onsaved(row);
        this.#entered = null;
      },
    });
    this.context = { signal, draw };
    this.#dialog = new Dialog({
      kind: "drawer",
      signal: options.signal,
      canClose: () => this.#canClose(),
      onclose: () => {
        this.#end.abort();
        onclose();
      },
    });
    document.addEventListener("keydown", (event) => this.#step(event), { signal });
    addEventListener("beforeunload", (event) => this.editor.isDirty && event.preventDefault(), { signal });
    const timer = setInterval(() => document.visibilityState === "visible" && this.editor.poll(), POLL_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.draw();
    this.editor.load();
  }

  /** Close without asking: the address says so already. */
  close() {
    this.#isLeaving = true;
    this.#dialog.close();
  }

  #isLeaving = false;
  #isAsking = false;

  #canClose() {
    return !this.holds(() => this.close());
  }

  /** Whether leaving would lose what was typed; then `leave` runs once it is saved or given up. */
  holds(leave) {
    if (this.#isLeaving || !this.editor.isDirty) return false;
    this.#settle().then((isSettled) => isSettled && leave());
    return true;
  }

  /** Wait for the save that is under way, or ask. Resolves to whether nothing is left to be lost. */
  async #settle() {
    if (this.#isAsking) return false;
    this.#isAsking = true;
    if (this.editor.saving) {
      await this.editor.saving.catch(() => {}); // What went wrong stands over the fields.
      this.#isLeaving = !this.editor.isDirty;
    } else this.#isLeaving = await this.#askDiscard();
    this.#isAsking = false;
    return this.#isLeaving;
  }

  #askDiscard() {
    const changed = this.editor.draft.changed.map(labelOf);
    return confirm({
      title: `Leave ${this.editor.key} without saving?`,
      action: `Discard ${plural(changed.length, "change")}`,
      text: `Not saved: ${changed.join(", ")}.`,
    });
  }

  /** `[` and `]`: the record before and after this one. */
  #step(event) {
    if ((event.key !== "[" && event.key !== "]") || !preferences.hasShortcuts) return;
    if (event.target.closest?.("input, textarea, select") || this.editor.isDirty) return;
    event.preventDefault();
    this.#options.onstep(event.key === "]" ? 1 : -1);
  }

  get #tab() {
    const { tabs, tab } = this.#options;
    return tabs.find(({ name }) => name === tab()) ?? tabs[0];
  }

  #made(tab) {
    if (!this.#tabs.has(tab.name)) this.#tabs.set(tab.name, tab.make(this.editor, this.context));
    return this.#tabs.get(tab.name);
  }

  draw() {
    if (this.#end.signal.aborted) return;
    const { editor } = this;
    this.#dialog.show(editor.row ? this.#options.titleOf(editor.row) : editor.key, this.#body(), {
      actions: editor.row ? this.#options.actions(editor) : "",
    });
    const tab = this.#tab;
    if (editor.draft && this.#entered !== tab.name) {
      this.#entered = tab.name;
      this.#made(tab).enter?.();
    }
  }

  #body() {
    const { editor } = this;
    const { kind, key, head, tabs, hrefOf } = this.#options;
    if (!editor.draft) {
      if (editor.error?.status === 404)
        return emptyState({
          title: `There is no ${kind} ${key}`,
          iconName: "search",
          text: "It may have been deleted or renamed.",
        });
      return editor.error ? failure(editor.error, () => editor.load()) : skeletonRows(8);
    }
    const current = this.#tab;
    return html`${when(editor.isGone, gone)}${meanwhileStrip(editor)}
      ${head(editor, this.context.draw)}${filePanel(editor, current === tabs[0])}
      <nav class="tabs" aria-label="Parts">${tabs.map((tab) => tabLink(tab, tab === current, hrefOf))}</nav>
      <form class="document" novalidate @submit=${editor.form.handle}>
        ${editor.form.summary([...editor.form.faults.keys()].filter((path) => isShown(path)))}
        ${keyed(`${kind}/${key}/${current.name}`, this.#made(current).view())}
        ${when(editor.isDirty || editor.form.isBusy, () => saveBar(editor))}
      </form>`;
  }
}

const tabLink = ({ name, text }, isCurrent, hrefOf) =>
  html`<a href=${hrefOf(name)} aria-current=${isCurrent ? "page" : "false"}>${text}</a>`;

const gone = () =>
  html`<p class="strip" data-tone="bad" role="alert">
    ${icon("trash")}<span>Deleted meanwhile. What you typed can still be copied.</span>
  </p>`;

/** Whether a field of that path is on the screen, and so shows its fault itself. */
function isShown(path) {
  return document.querySelector(`.document [name="${CSS.escape(path)}"]`) !== null;
}
