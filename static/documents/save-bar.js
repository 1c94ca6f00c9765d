// The bar under a form that says what is not saved yet, what saving will mean, and saves it.

import { html, when } from "../html.js";
import { leavesFile } from "./standing.js";
import { labelOf } from "./words.js";

const NAMED_MAX = 3;
const PRICES = "Prices apply to requests that start after saving; those in flight keep theirs.";
const FILE = "Live will differ from the file until it is written there too.";

export function saveBar(editor) {
  const { draft, form } = editor;
  const { changed } = draft;
  const more = changed.length - NAMED_MAX;
  const names = changed.slice(0, NAMED_MAX).map(labelOf).join(", ");
  const hasPrices = changed.some((path) => path.startsWith("pricing."));
  const said = [hasPrices && PRICES, leavesFile(editor) && FILE].filter(Boolean);
  return html`<div class="save-bar">
    <span
      ><strong>Not saved:</strong> ${names}${when(more > 0, () => ` and ${more} more`)}
      ${said.map((sentence) => html`<span class="sub">${sentence}</span>`)}</span
    >
    <span class="actions"
      ><button type="button" class="button" ?disabled=${form.isBusy} @click=${() => editor.discard()}>Discard</button>
      ${form.button("Save", { disabled: draft.faults.size > 0 || editor.isGone })}</span
    >
  </div>`;
}
