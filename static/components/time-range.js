// The control for the span of time, and how fresh what is shown is.

import { html, when } from "../html.js";
import { RANGES, asInput, customRange, fromInput, namedRange } from "../range.js";
import { icon } from "./icons.js";
import { timeAgo } from "./bits.js";

/** `range` as `readRange` gives it; `onchange(changes)` gets what the address is to say. Times are typed in UTC. */
export function timeRange(range, onchange) {
  const choose = (event) => {
    const name = event.target.value;
    onchange(name === "custom" ? customRange(range.from, range.to) : namedRange(name));
  };
  const setEnd = (end) => (event) => {
    const ends = { from: range.from, to: range.to, [end]: fromInput(event.target.value) };
    onchange(customRange(ends.from, ends.to));
  };
  return html`<div class="time-range">
    <label class="visually-hidden" for="range">Range</label>
    <select id="range" @change=${choose}>
      ${RANGES.map(({ name, text }) => html`<option value=${name} ?selected=${name === range.name}>${text}</option>`)}
      <option value="custom" ?selected=${range.name === "custom"}>Custom…</option>
    </select>
    ${when(
      range.name === "custom",
      () =>
        html`<label>from <input type="datetime-local" .value=${asInput(range.from)} @change=${setEnd("from")} /></label>
          <label>to <input type="datetime-local" .value=${asInput(range.to)} @change=${setEnd("to")} /></label
          ><span class="quiet">UTC</span>`,
    )}
  </div>`;
}

/** "Updated 12 s ago", and the button that fetches again. */
export function freshness(resource) {
  return html`<span class="freshness"
    ><span class="quiet"
      >${resource.loadedAt ? html`Updated ${timeAgo(new Date(resource.loadedAt).toISOString())}` : ""}</span
    >
    <button
      type="button"
      class="button"
      data-kind="icon"
      aria-label="Refresh"
      title="Refresh"
      ?disabled=${resource.isLoading}
      @click=${() => resource.load()}>
      ${icon("refresh")}
    </button></span
  >`;
}

const REFRESH_MS = 30_000;

/** Run `refresh` every half minute while the tab is visible, until the page is left. */
export function refreshing(signal, refresh) {
  const timer = setInterval(() => document.visibilityState === "visible" && refresh(), REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
