// Drawings without axes: a line beside a figure, bars beside names, a spot of colour.

import { html, svg } from "../../html.js";
import { linear } from "./scale.js";
import { runs } from "./stack.js";

const WIDTH = 120;
const HEIGHT = 28;

/** A line of `values` (numbers, decimal texts, null) without axes; `label` says what it is. */
export function sparkline(values, label = "") {
  const top = Math.max(0, ...values.map(Number));
  const y = linear(top, HEIGHT - 2, 2);
  const x = (at) => (values.length > 1 ? (at / (values.length - 1)) * WIDTH : WIDTH / 2);
  const points = (run) => run.map(({ at, value }) => `${x(at).toFixed(2)},${y(value).toFixed(2)}`).join(" ");
  return html`<svg
    class="sparkline"
    viewBox=${`0 0 ${WIDTH} ${HEIGHT}`}
    preserveAspectRatio="none"
    role="img"
    aria-label=${label}
    focusable="false">
    ${runs(values).map(
      (
        run,
      ) => svg`<polygon points=${`${x(run[0].at)},${HEIGHT} ${points(run)} ${x(run.at(-1).at)},${HEIGHT}`}></polygon>
      <polyline points=${points(run)}></polyline>`,
    )}
  </svg>`;
}

/** A spot of a series' colour, beside its name. */
export function swatch(colour) {
  return html`<svg class="swatch" viewBox="0 0 1 1" aria-hidden="true" focusable="false">
    <rect class=${`mark ${colour}`} width="1" height="1"></rect>
  </svg>`;
}

/** Names with bars, the longest first: `rows` are `{name, value, text, note?, href?}`; `value` is only drawn. */
export function barList(rows, { label }) {
  const most = Math.max(0, ...rows.map((row) => Number(row.value)));
  return html`<ol class="bar-list" aria-label=${label}>
    ${rows.map(
      (row) =>
        html`<li>
          <div class="bar-list-line">
            ${row.href ? html`<a href=${row.href}>${row.name}</a>` : html`<span>${row.name}</span>`}<span class="amount"
              >${row.text}</span
            >
          </div>
          <svg class="bar-list-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <rect class="bar-list-ground" width="100" height="1"></rect>
            <rect
              class="mark series-0"
              width=${most ? Math.max(0.5, (Number(row.value) / most) * 100) : 0}
              height="1"></rect>
          </svg>
          ${row.note ? html`<p class="sub">${row.note}</p>` : ""}
        </li>`,
    )}
  </ol>`;
}
