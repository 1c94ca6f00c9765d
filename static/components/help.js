// Which keys do what.

import { html } from "../html.js";
import { preferences } from "../preferences.js";
import { ROUTES } from "../routes.js";
import { Dialog } from "./dialog.js";
import { isAllowed } from "./palette-finds.js";

const KEYS = [
  ["Ctrl K", "find a page, user, model, key or request"],
  ["/", "to the filter of this page"],
  ["j  k", "the next or previous row"],
  ["Enter", "open it"],
  ["Esc", "close, or clear what is selected"],
  ["[  ]", "the previous or next record, in a drawer"],
  ["Space", "pause the live tail"],
  ["t", "system, light or dark"],
  ["?", "this list"],
];

export function openHelp(area) {
  const dialog = new Dialog();
  const pages = ROUTES.filter((route) => route.key && isAllowed(route) && route.who === area);
  dialog.show(
    "Keyboard",
    html`<dl class="keys">
        ${[...KEYS, ...pages.map((route) => [`g ${route.key}`, `to ${route.title}`])].map(
          ([keys, text]) =>
            html`<div>
              <dt>${keys.split("  ").map((one) => html`<kbd>${one}</kbd> `)}</dt>
              <dd>${text}</dd>
            </div>`,
        )}
      </dl>
      <label class="field check"
        ><input
          type="checkbox"
          .checked=${preferences.hasShortcuts}
          @change=${(event) => {
            preferences.hasShortcuts = event.target.checked;
          }} /><span>Shortcuts of single letters</span></label
      >`,
  );
}
