// The command palette: go to a page, or find a user, a model, a key or a request by what was typed. What was chosen
// last stands first.

import { html, ifDefined, when } from "../html.js";
import { plural } from "../format.js";
import { Dialog } from "./dialog.js";
import { icon } from "./icons.js";
import { Finder, findPages } from "./palette-finds.js";

const WAIT_MS = 150;
const RECENT_MAX = 5;
const PROMPT = "Page, user, model, key or request id";
/** Of this tab, newest first; nothing of it is kept anywhere. */
let recent = [];

/** Open it; `go(url)` is where the choice leads. */
export function openPalette(go) {
  const state = { text: "", found: [], at: 0, isSearching: false };
  const finder = new Finder();
  let timer = null;
  let search = new AbortController();
  const stop = () => {
    clearTimeout(timer);
    search.abort();
  };
  // A search that ends after the palette was closed must not open it again.
  const dialog = new Dialog({ kind: "palette", onclose: stop });

  const listed = () => (state.text.trim() ? [...findPages(state.text), ...state.found] : withRecent(findPages("")));
  const choose = (entry) => {
    recent = [{ ...entry, isRecent: true }, ...recent.filter(({ href }) => href !== entry.href)].slice(0, RECENT_MAX);
    dialog.done();
    go(entry.href);
  };
  const type = (event) => {
    Object.assign(state, { text: event.target.value, at: 0, found: [], isSearching: true });
    stop();
    search = new AbortController();
    const { signal } = search;
    timer = setTimeout(async () => {
      const found = await finder.find(state.text.trim(), signal);
      if (signal.aborted) return;
      Object.assign(state, { found, isSearching: false });
      draw();
    }, WAIT_MS);
    draw();
  };
  const press = (event) => {
    const entries = listed();
    const at = { ArrowDown: state.at + 1, ArrowUp: state.at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Enter" && entries[state.at]) {
      event.preventDefault();
      choose(entries[state.at]);
    } else if (at !== undefined && entries.length && !(event.target.value && ["Home", "End"].includes(event.key))) {
      event.preventDefault();
      state.at = (at + entries.length) % entries.length;
      draw();
      document.getElementById(`palette-${state.at}`).scrollIntoView({ block: "nearest" });
    }
  };
  const draw = () => {
    const entries = listed();
    dialog.show(
      "Go to",
      html`<label class="palette-input"
          >${icon("search")}<span class="visually-hidden">${PROMPT}</span>
          <input
            autofocus
            role="combobox"
            aria-expanded=${entries.length > 0}
            aria-controls="palette-list"
            aria-autocomplete="list"
            aria-activedescendant=${ifDefined(entries.length ? `palette-${state.at}` : undefined)}
            autocomplete="off"
            spellcheck="false"
            placeholder=${PROMPT}
            .value=${state.text}
            @input=${type}
            @keydown=${press} /><kbd>Esc</kbd></label
        >
        <ul id="palette-list" role="listbox" aria-label="Results" ?hidden=${!entries.length}>
          ${entries.map((entry, at) => option(entry, at, at === state.at, choose))}
        </ul>
        ${when(!entries.length, () => html`<p class="quiet">${nothingText(state)}</p>`)}
        <p class="visually-hidden" role="status">
          ${state.text && !state.isSearching ? plural(entries.length, "result") : ""}
        </p>`,
    );
  };
  draw();
}

const nothingText = ({ isSearching }) => (isSearching ? "Searching…" : "Nothing is called that.");

function option(entry, at, isChosen, choose) {
  return html`<li id=${`palette-${at}`} role="option" aria-selected=${isChosen} @click=${() => choose(entry)}>
    ${icon(entry.isRecent ? "clock" : entry.icon)}<span>${entry.text}</span><span class="quiet">${entry.kind}</span>
  </li>`;
}

/** What was chosen last, and then every page that is not among it. */
function withRecent(pages) {
  return [...recent, ...pages.filter(({ href }) => !recent.some((entry) => entry.href === href))];
}
