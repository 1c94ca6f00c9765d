// What waits for somebody, the first steps of a new installation, and who and what used most.

import { barList } from "../../components/chart.js";
import { icon } from "../../components/icons.js";
import { duration, money, percent, plural } from "../../format.js";
import { html } from "../../html.js";
import { attentionWords } from "./attention-words.js";
import { ownedName } from "./words.js";

const UNBROKEN = "\u00a0";

/** Nothing at all while all is well. */
export function attention({ data }) {
  if (!data.length) return "";
  return html`<section class="panel attention">
    <h2>Needs attention</h2>
    <ul>
      ${data.map((item) => {
        const { text, detail, href, action } = attentionWords(item);
        const isCritical = item.severity === "critical";
        return html`<li data-tone=${isCritical ? "bad" : "warn"}>
          ${icon(isCritical ? "error" : "warning")}
          <div>
            <strong>${isCritical ? html`<span class="visually-hidden">Critical: </span>` : ""}${text}</strong
            >${detail ? html`<p class="quiet">${detail}</p>` : ""}
          </div>
          <a class="button" href=${href} aria-label=${`${action}: ${text}`}>${action}</a>
        </li>`;
      })}
    </ul>
  </section>`;
}

/** The four steps, ticked as they are done. */
export function checklist(steps) {
  const next = steps.find(({ isDone }) => !isDone);
  return html`<section class="panel checklist">
    <h2>Your first billed request</h2>
    <p class="quiet">Four steps; each ticks itself as soon as it is done.</p>
    <ol>
      ${steps.map(
        (step, at) =>
          html`<li data-done=${step.isDone}>
            <span class="step-mark" aria-hidden="true">${step.isDone ? icon("check") : at + 1}</span>
            <div><strong>${step.title}</strong>${step.isDone ? done() : html`<p class="quiet">${step.text}</p>`}</div>
            ${step.isDone ? "" : stepLink(step, step === next)}
          </li>`,
      )}
    </ol>
  </section>`;
}

const done = () => html`<span class="visually-hidden"> (done)</span>`;
const stepLink = ({ href, action }, isNext) =>
  html`<a class="button" data-kind=${isNext ? "primary" : "plain"} href=${href}>${action}</a>`;

/** Ranked by cost: bars, how many requests, and where they are. */
export function ranking(title, { data }, { hrefOf, all }) {
  const rows = data.map((row) => ({
    name: ownedName(row),
    value: row.cost,
    text: money(row.cost),
    href: hrefOf(row),
    note: [
      plural(row.requests, "request"),
      row.failed && `${percent(row.failed / row.requests)} failed`,
      row.first_byte_ms?.p50 && `first token ${duration(row.first_byte_ms.p50)}`.replaceAll(" ", UNBROKEN),
    ]
      .filter(Boolean)
      .join(", "),
  }));
  return html`<section class="panel">
    <header>
      <h2>${title}</h2>
      <a href=${all.href}>${all.text}</a>
    </header>
    ${rows.length ? barList(rows, { label: title }) : html`<p class="quiet">Nothing in this range.</p>`}
  </section>`;
}
