// Where bars lead: links over the drawing, one stop for the Tab key and arrows within.

import { html, svg } from "../../html.js";
import { barBox } from "./parts.js";
import { bucketWords, pieceText } from "./words.js";

/** In the order of the keys: `{bucket, series, top, bottom, href}`. Lines are opened by their bucket: `series` null. */
export function findLinks(place, { data, kind, hrefOf }) {
  if (!hrefOf) return [];
  return (kind === "bars" ? pieces(place) : buckets(place, data))
    .map((one) => ({ ...one, href: hrefOf(one.bucket, one.series === null ? null : data.series[one.series]) }))
    .filter((one) => one.href);
}

const pieces = (place) =>
  place.bars.flatMap((found, bucket) =>
    found.map(({ series, from, to }) => ({ bucket, series, top: place.y(to), bottom: place.y(from) })),
  );

const buckets = (place, data) =>
  data.buckets.flatMap((_, bucket) =>
    data.series.some((one) => one.values[bucket] !== null)
      ? [{ bucket, series: null, top: place.top, bottom: place.base }]
      : [],
  );

/** `current` is the one that Tab leads to; `onfocus(at)` hears which one is reached. */
export function linkOverlay(links, place, { given, current, onkey, onfocus, onleave }) {
  return html`<svg
    class="chart-links"
    role="group"
    aria-label=${`${given.title}: the requests behind each bar, by arrow keys`}
    viewBox=${`0 0 ${place.width} ${place.height}`}
    height=${place.height}
    @keydown=${onkey}
    @focusout=${onleave}>
    ${links.map((one, at) => link(one, at, { place, given, isCurrent: at === current, onfocus }))}
  </svg>`;
}

function link({ href, bucket, series, top, bottom }, at, { place, given, isCurrent, onfocus }) {
  const said = series === null ? bucketWords(given, bucket) : pieceText(given, bucket, series);
  const box = barBox(place, bucket, 1, { top, base: Math.max(top + 1, bottom) });
  return svg`<a href=${href} draggable="false" tabindex=${isCurrent ? 0 : -1} aria-label=${said} data-at=${at}
    @focus=${() => onfocus(at)}><title>${said}</title>${box("hit")}</a>`;
}
