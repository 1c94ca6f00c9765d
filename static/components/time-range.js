// The control for the span of time, the link to what it shows, and how fresh that is.

import { html, render, when } from "../html.js";
import { preferences } from "../preferences.js";
import { RANGES, asInput, customRange, namedRange, rangeFault, typedRange } from "../range.js";
import { copyText } from "../clipboard.js";
import { timeAgo } from "./bits.js";
import { icon } from "./icons.js";

/** `range` as `readRange` gives it; `onchange(changes)` gets what the address is to say. Times are of the zone. */
export function timeRange(range, onchange) {
  const choose = (event) => {
    const name = event.target.value;
    onchange(name === "custom" ? customRange(range.from, range.to) : namedRange(name));
  };
  return html`<div class="time-range">
    <label class="visually-hidden" for="range">Range</label>
    <select id="range" @change=${choose}>
      ${RANGES.map(({ name, text }) => html`<option value=${name} ?selected=${name === range.name}>${text}</option>`)}
      <option value="custom" ?selected=${range.name === "custom"}>Custom…</option>
    </select>
    ${when(range.name === "custom", () => ends(range, onchange))}
  </div>`;
}

/** Both fields count at each change: whoever moves a range behind its old end types the other one next. */
function ends(range, onchange) {
  const { zone } = preferences;
  const read = (event) => {
    const fields = [...event.currentTarget.querySelectorAll("input")];
    const typed = typedRange(range, { from: fields[0].value, to: fields[1].value }, zone);
    const fault = rangeFault(typed);
    for (const field of fields) field.setCustomValidity(field === event.target && fault ? fault : "");
    if (fault) event.target.reportValidity();
    else onchange(customRange(typed.from, typed.to));
  };
  const field = (name) =>
    html`<label>${name} <input type="datetime-local" .value=${asInput(range[name], zone)} /></label>`;
  return html`<span class="time-ends" @change=${read}
    >${field("from")} ${field("to")} <span class="quiet">${zone}</span></span
  >`;
}

/** Copies the address of exactly what is shown: a range that ends now is told by its moments. */
export function shareLink({ from, to }) {
  const share = (event) => {
    const url = new URL(location.href);
    for (const name of ["range", "live"]) url.searchParams.delete(name);
    for (const [name, time] of Object.entries({ from, to: to ?? new Date().toISOString() })) {
      if (time) url.searchParams.set(name, time);
    }
    return copyText(url.href, event.currentTarget);
  };
  const label = "Copy a link to what is shown";
  return html`<button type="button" class="button" data-kind="icon" aria-label=${label} title=${label} @click=${share}>
    ${icon("link")}
  </button>`;
}

/** "Updated 12 s ago", and the button that fetches again. */
export function freshness(resource) {
  return html`<span class="freshness"
    ><fresh-since class="quiet" .time=${resource.loadedAt}></fresh-since>
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

const TICK_MS = 5000;

/** Grows older by itself, whether or not the page around it is drawn. */
class FreshSince extends HTMLElement {
  #time = null;
  #timer = null;

  set time(time) {
    this.#time = time;
    this.#say();
  }

  connectedCallback() {
    this.#timer = setInterval(() => this.#say(), TICK_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  #say() {
    render(this.#time ? html`Updated ${timeAgo(new Date(this.#time).toISOString())}` : "", this);
  }
}
customElements.define("fresh-since", FreshSince);

const REFRESH_MS = 30_000;

/** Run `refresh` every half minute while the tab is visible, and when it is so again, until the page is left. */
export function refreshing(signal, refresh) {
  let isOld = false;
  const turn = () => {
    isOld = document.hidden;
    if (!isOld) refresh();
  };
  const timer = setInterval(turn, REFRESH_MS);
  document.addEventListener("visibilitychange", () => isOld && turn(), { signal });
  signal.addEventListener("abort", () => clearInterval(timer));
}
