// What the time of one request was spent on: a bar, and every part of it with how long it took and what came of it.

import { at } from "../../components/bits.js";
import { swatch } from "../../components/chart/small.js";
import { duration } from "../../format.js";
import { html, svg, when } from "../../html.js";
import { timeline } from "./words.js";

const COLOURS = { failed: "series-4", pause: "series-2", waiting: "series-other", answer: "series-0" };
const LEAST = 0.5;

/** `receipt`: the answer of /usage/{id}; only admins are told of attempts. */
export function times(receipt) {
  const parts = timeline(receipt);
  return html`${when(parts.length, () => bar(parts))}
    <dl class="facts">
      ${fact("Started", at(receipt.started_at))} ${parts.map((part) => fact(named(part), took(part)))}
      ${when(parts.length > 1 && receipt.duration_ms, (ms) => fact("In all", duration(ms)))}
    </dl>`;
}

const fact = (name, value) =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
const named = ({ name, kind }) => html`<span class="timeline-name">${swatch(COLOURS[kind])}${name}</span>`;
const took = ({ ms, note }) => html`${duration(ms)}${note ? html`<span class="aside">${note}</span>` : ""}`;

function bar(parts) {
  let from = 0;
  return html`<svg class="timeline" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    ${parts.map(({ kind, share }) => {
      const x = from;
      const width = share * 100;
      from += width;
      return svg`<rect class=${`mark ${COLOURS[kind]}`} x=${x} width=${Math.max(LEAST, width)} height="4"></rect>`;
    })}
  </svg>`;
}
