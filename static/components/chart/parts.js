// The drawing of a chart: axes, bars, lines. Geometry is in SVG attributes; colours are classes.

import { svg } from "../../html.js";
import { tickText } from "./buckets.js";
import { bands, linear, niceTicks, plainNumber, spread } from "./scale.js";
import { highest, runs, stack } from "./stack.js";

const TOP = 10;
const BOTTOM = 24;
const RIGHT = 6;
const CHARACTER = 6.6;
const LABEL_ROOM = 62;
const COLOURS = 6;

/** The class of a series' colour: its place, or "other" for what is summed up. */
export function colourOf(series, at) {
  return `series-${series.key === null && series.name === "Other" ? "other" : at % COLOURS}`;
}

/** Everything that drawing needs, worked out for a width: scales, ticks and pieces. */
export function layout({ data, kind, axis, whole }, width, height) {
  const count = data.buckets.length;
  const ticks = niceTicks(highest(data.series, count, kind === "bars"), 4, { whole });
  const isText = data.metric === "cost";
  const labels = ticks.map((tick) => axis(isText ? plainNumber(tick) : tick));
  const left = Math.ceil(Math.max(...labels.map((label) => label.length)) * CHARACTER) + 10;
  const inner = Math.max(1, width - left - RIGHT);
  return {
    width,
    height,
    left,
    right: width - RIGHT,
    top: TOP,
    base: height - BOTTOM,
    ticks,
    labels,
    y: linear(ticks.at(-1), height - BOTTOM, TOP),
    x: bands(count, left, inner),
    bars: kind === "bars" ? stack(data.series, count) : [],
    lines: kind === "lines" ? data.series.map((one) => runs(one.values)) : [],
  };
}

/** Which bucket is at this place from the left edge, or null beside the bars. */
export function bucketAt(place, px, count) {
  const at = Math.floor((px - place.left) / place.x.step);
  return at >= 0 && at < count ? at : null;
}

export function axes(place, data) {
  const shown = spread(data.buckets.length, place.x.step, LABEL_ROOM);
  return svg`${place.ticks.map(
    (
      tick,
      at,
    ) => svg`<line class="chart-grid" data-base=${at === 0} x1=${place.left} x2=${place.right} y1=${place.y(tick)} y2=${place.y(tick)}></line>
      <text class="chart-label" text-anchor="end" x=${place.left - 8} y=${place.y(tick) + 4}>${place.labels[at]}</text>`,
  )}
    ${shown.map((at) => svg`<text class="chart-label" text-anchor=${anchor(place, at)} x=${labelX(place, at)} y=${place.height - 6}>${tickText(data, at)}</text>`)}`;
}

/** The first and last labels stay within the drawing. */
function anchor(place, at) {
  const x = place.x.middle(at);
  return x - place.left < 24 ? "start" : place.right - x < 30 ? "end" : "middle";
}

function labelX(place, at) {
  const kind = anchor(place, at);
  return kind === "start" ? place.left : kind === "end" ? place.right : place.x.middle(at);
}

export function pointed(place, at) {
  if (at === null) return "";
  return svg`<rect class="chart-pointed" x=${place.left + at * place.x.step} y=${place.top} width=${place.x.step} height=${place.base - place.top}></rect>`;
}

export function bars(place, colours, titleOf) {
  return place.bars.map((pieces, at) =>
    pieces.map((piece, order) => {
      const top = place.y(piece.to);
      const size = Math.max(0.75, place.y(piece.from) - top - (order ? 0.5 : 0));
      return svg`<rect class=${`mark ${colours[piece.series]}`} x=${place.x.start(at)} y=${top} width=${place.x.size} height=${size} rx=${Math.min(1.5, place.x.size / 4)}><title>${titleOf(at, piece.series)}</title></rect>`;
    }),
  );
}

export function lines(place, colours, titleOf) {
  return place.lines.map((found, series) =>
    found.map(
      (run) => svg`
    <polyline class=${`line ${colours[series]}`} points=${run.map(({ at, value }) => `${place.x.middle(at)},${place.y(value)}`).join(" ")}></polyline>
    ${run.map(({ at, value }) => svg`<circle class=${`dot ${colours[series]}`} data-alone=${run.length === 1} cx=${place.x.middle(at)} cy=${place.y(value)} r="3"><title>${titleOf(at, series)}</title></circle>`)}`,
    ),
  );
}
