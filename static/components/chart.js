// Charts over time: stacked bars or lines, drawn here as SVG; with a legend of totals, a table and a file of the same.
//
//   chart({ title: "Spend by model", kind: "bars", data, format: money, hrefOf: (bucket, series) => "/ui/requests?…" })
//
// `data` is the answer of /api/…/stats/timeseries. `format(value)` puts a value into words, `axis(value)` one at the
// axis. `hrefOf(bucket, series)` says where a bar leads: `series` null is the whole bucket, `bucket` null the whole
// range; it may say null. `controls` stand beside the title. `onzoom(first, last)` makes a drag over the bars choose
// buckets. `colour(series, index)` gives another class.

import { html, nothing, render, when } from "../html.js";
import { price } from "../format.js";
import { saveText } from "../saving.js";
import { zoneText } from "./chart/buckets.js";
import { legend, seriesTable } from "./chart/legend.js";
import { findLinks, linkOverlay } from "./chart/links.js";
import { axes, barBox, bars, bucketAt, colourOf, layout, lines, pointed } from "./chart/parts.js";
import { isEmpty } from "./chart/stack.js";
import { stepLink } from "./chart/steps.js";
import { chartCsv, pieceText, summary } from "./chart/words.js";
import { icon } from "./icons.js";

export { spanOf } from "./chart/buckets.js";
export { barList, sparkline } from "./chart/small.js";

const HEIGHT = 220;
const STEPS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const DRAG_MIN = 6;

export function chart(given) {
  return html`<time-chart .given=${given}></time-chart>`;
}

class TimeChart extends HTMLElement {
  #given = null;
  #width = 0;
  #isTable = false;
  #at = null;
  #focused = null;
  #drag = null;
  #links = [];
  #watch = new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width));

  set given(given) {
    this.#given = {
      kind: "bars",
      height: HEIGHT,
      axis: axisOf(given),
      whole: isCounted(given.data),
      hrefOf: null,
      onzoom: null,
      colour: colourOf,
      ...given,
    };
    if (this.isConnected) this.#draw();
  }

  connectedCallback() {
    this.#watch.observe(this);
    this.#resize(this.getBoundingClientRect().width);
  }

  disconnectedCallback() {
    this.#watch.disconnect();
  }

  #resize(width) {
    if (Math.abs(width - this.#width) < 1 && this.firstChild) return;
    this.#width = width;
    if (this.#given) this.#draw();
  }

  #draw() {
    const given = this.#given;
    const { title, data } = given;
    render(
      html`<figure class="chart">
        <figcaption class="chart-head">
          <h2>${title}</h2>
          <div class="chart-actions">
            ${given.controls ?? ""}
            <button
              type="button"
              class="button"
              data-kind="quiet"
              aria-label=${`View ${title} as ${this.#isTable ? "chart" : "table"}`}
              @click=${() => this.#turn()}>
              ${this.#isTable ? "Chart" : "Table"}
            </button>
            <button
              type="button"
              class="button"
              data-kind="icon"
              aria-label=${`Save ${title} as CSV`}
              title="Save as CSV"
              @click=${() => saveText(chartCsv(data), `${fileName(title)}.csv`)}>
              ${icon("download")}
            </button>
          </div>
        </figcaption>
        ${
          this.#isTable
            ? html`${seriesTable(given)}
                <p class="chart-foot">${zoneText(data)}</p>`
            : this.#drawing()
        }
      </figure>`,
      this,
    );
  }

  #turn() {
    this.#isTable = !this.#isTable;
    this.#draw();
  }

  #drawing() {
    const given = this.#given;
    const { data, kind, height } = given;
    const place = layout(given, Math.max(this.#width, 200), height);
    const colours = data.series.map((one, at) => given.colour(one, at));
    const titleOf = (at, series) => pieceText(given, at, series);
    const marks = kind === "bars" ? bars : lines;
    this.#links = findLinks(place, given);
    return html`<div
        class="chart-plot"
        data-zooms=${given.onzoom !== null}
        @pointermove=${(event) => this.#point(event, place)}
        @pointerleave=${() => this.#leave()}
        @pointerdown=${(event) => this.#press(event, place)}
        @pointerup=${() => this.#release()}
        @pointercancel=${() => this.#stop()}
        @dragstart=${(event) => event.preventDefault()}>
        <svg
          class="chart-drawing"
          role="img"
          aria-label=${summary(given)}
          viewBox=${`0 0 ${place.width} ${height}`}
          height=${height}
          focusable="false">
          ${pointed(place, this.#at)}${axes(place, data)}${marks(place, colours, titleOf)}${this.#chosen(place)}
        </svg>
        ${when(this.#links.length, () => this.#overlay(place))}
        ${when(isEmpty(data), () => html`<p class="chart-empty">Nothing in this range</p>`)}
      </div>
      ${legend(given, this.#at, colours)}`;
  }

  #overlay(place) {
    return linkOverlay(this.#links, place, {
      given: this.#given,
      current: Math.min(this.#focused ?? Infinity, this.#links.length - 1),
      onkey: (event) => this.#step(event),
      onfocus: (at) => this.#land(at),
      onleave: () => this.#show(null),
    });
  }

  #land(at) {
    this.#focused = at;
    this.#show(this.#links[at]?.bucket ?? null);
  }

  #step(event) {
    if (!STEPS.has(event.key)) return;
    event.preventDefault();
    const next = stepLink(this.#links, this.#focused ?? this.#links.length - 1, event.key);
    if (next !== null) this.querySelector(`.chart-links [data-at="${next}"]`)?.focus();
  }

  // --- pointing, and choosing a span by dragging ---

  #show(at) {
    if (at === this.#at) return;
    this.#at = at;
    // The focus may leave because a bar is just being taken away: a drawing must not begin within another.
    queueMicrotask(() => this.isConnected && this.#draw());
  }

  #point(event, place) {
    const px = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const at = bucketAt(place, px, this.#given.data.buckets.length);
    if (this.#drag && at !== null) {
      this.#drag.last = at;
      this.#drag.isReal ||= Math.abs(px - this.#drag.px) > DRAG_MIN;
      this.#at = at;
      this.#draw();
    } else this.#show(at);
  }

  #leave() {
    if (!this.#drag) this.#show(null);
  }

  #press(event, place) {
    if (!this.#given.onzoom || event.button || event.pointerType === "touch") return;
    const px = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const at = bucketAt(place, px, this.#given.data.buckets.length);
    if (at !== null) this.#drag = { px, first: at, last: at, isReal: false };
    // A drag may end beside the drawing.
    addEventListener("pointerup", () => this.#release(), { once: true });
  }

  #release() {
    const drag = this.#drag;
    this.#stop();
    if (!drag?.isReal) return;
    // The press ends on a bar that is a link: that click was the drag's.
    this.addEventListener(
      "click",
      (event) => {
        event.preventDefault();
        event.stopPropagation();
      },
      { once: true, capture: true },
    );
    this.#given.onzoom(Math.min(drag.first, drag.last), Math.max(drag.first, drag.last));
  }

  #stop() {
    if (!this.#drag) return;
    this.#drag = null;
    this.#draw();
  }

  #chosen(place) {
    if (!this.#drag?.isReal) return nothing;
    const first = Math.min(this.#drag.first, this.#drag.last);
    const buckets = Math.abs(this.#drag.last - this.#drag.first) + 1;
    return barBox(place, first, buckets)("chart-chosen");
  }
}

/** An axis says all digits of its round values, where money elsewhere is cut to cents. */
const axisOf = ({ data, format }) => (data.metric === "cost" ? price : format);
const isCounted = (data) => data.metric === "requests" || data.metric === "tokens";
const fileName = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-");

customElements.define("time-chart", TimeChart);
