// Badges of where a document or a field stands between the files and live, and the line of the file.

import { badge } from "../components/bits.js";
import { html } from "../html.js";
import { stateWords } from "./words.js";

/** The badge of a state, icon and word. */
export function stateBadge(state) {
  const { text, tone, icon, title } = stateWords(state);
  return html`<span title=${title}>${badge(text, tone, icon)}</span>`;
}

/** `models.yaml:58`, or nothing. */
export function placeText(place) {
  return place ? html`<code class="place" title="Where the file says it">${place}</code>` : "";
}
