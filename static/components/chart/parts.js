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
  return svg`${place.ticks.map((tick, at) => gridLine(place, place.y(tick), place.labels[at], at === 0))}
    ${shown.map((at) => label(anchor(place, at), labelX(place, at), place.height - 6, tickText(data, at)))}`;
}

function gridLine(place, y, text, isBase) {
  const { left, right } = place;
  return svg`<line class="chart-grid" data-base=${isBase} x1=${left} x2=${right} y1=${y} y2=${y}></line>
    ${label("end", left - 8, y + 4, text)}`;
}

const label = (side, x, y, text) => svg`<text class="chart-label" text-anchor=${side} x=${x} y=${y}>${text}</text>`;

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
  return barBox(place, at)("chart-pointed");
}

/** Buckets from `first` on, from `top` to `base`, as a rectangle of a class that is still to be given. */
export function barBox(place, first, buckets = 1, { top, base } = place) {
  const { left, x } = place;
  return (name) =>
    svg`<rect class=${name} x=${left + first * x.step} y=${top} width=${buckets * x.step} height=${base - top}></rect>`;
}

export function bars(place, colours, titleOf) {
  const width = place.x.size;
  const round = Math.min(1.5, width / 4);
  return place.bars.map((pieces, at) =>
    pieces.map((piece, order) => {
      const top = place.y(piece.to);
      const size = Math.max(0.75, place.y(piece.from) - top - (order ? 0.5 : 0));
      return svg`<rect class=${`mark ${colours[piece.series]}`} x=${place.x.start(at)} y=${top} width=${width}
        height=${size} rx=${round}><title>${titleOf(at, piece.series)}</title></rect>`;
    }),
  );
}

export function lines(place, colours, titleOf) {
  return place.lines.map((found, series) =>
    found.map((run) => {
      const spots = run.map(({ at, value }) => ({ at, x: place.x.middle(at), y: place.y(value) }));
      const dot = ({ at, x, y }) => svg`<circle class=${`dot ${colours[series]}`} data-alone=${run.length === 1}
        cx=${x} cy=${y} r="3"><title>${titleOf(at, series)}</title></circle>`;
      const points = spots.map(({ x, y }) => `${x},${y}`).join(" ");
      return svg`<polyline class=${`line ${colours[series]}`} points=${points}></polyline>${spots.map(dot)}`;
    }),
  );
}
