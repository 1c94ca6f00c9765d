// The smallest things that many pages show: a badge, an amount, a time, a button that copies.

import { copyText } from "../clipboard.js";
import {
  ago,
  count,
  compact,
  duration,
  exactMoney,
  fineMoney,
  moment,
  money,
  outcomeText,
  outcomeTone,
  price,
} from "../format.js";
import { html } from "../html.js";
import { preferences } from "../preferences.js";
import { icon } from "./icons.js";

/** An icon and a word. `tone`: good, warn, bad, info or quiet. */
export function badge(text, tone = "quiet", iconName = null) {
  return html`<span class="badge" data-tone=${tone}>${iconName ? icon(iconName) : ""}${text}</span>`;
}

const OUTCOME_ICONS = { good: "check", warn: "warning", bad: "error" };

export function outcomeBadge(outcome) {
  const tone = outcomeTone(outcome);
  return badge(outcomeText(outcome), tone, OUTCOME_ICONS[tone]);
}

/** Dollars, with every digit in the title; below zero in another tone. */
export function amount(text, words = money) {
  const isNegative = String(text ?? "").startsWith("-");
  return html`<span class="amount" data-negative=${isNegative} title=${exactMoney(text)}>${words(text)}</span>`;
}

/** The same of one request. */
export const fineAmount = (text) => amount(text, fineMoney);

/** A price per million tokens. */
export function rate(text) {
  return html`<span class="amount">${price(text)}</span>`;
}

/** Tokens or requests, shortened; the exact number in the title. */
export function quantity(number) {
  return html`<span class="amount" title=${count(number)}>${compact(number)}</span>`;
}

export function took(ms) {
  return html`<span class="amount">${duration(ms)}</span>`;
}

/** A moment as how long ago it was; when exactly in the title. */
export function timeAgo(time) {
  if (!time) return html`<span class="quiet">–</span>`;
  const exact = `${moment(time, preferences.zone)} ${preferences.zone}`;
  return html`<time datetime=${time} title=${exact}>${ago(time, Date.now())}</time>`;
}

/** A moment to the second. */
export function at(time) {
  if (!time) return html`<span class="quiet">–</span>`;
  return html`<time datetime=${time} title=${`${ago(time, Date.now())}, ${preferences.zone}`}
    >${moment(time, preferences.zone)}</time
  >`;
}

/** A button that copies `text` and says so. `label` says what: "Copy key". */
export function copyButton(text, label = "Copy", { quiet = true } = {}) {
  return html`<button
    type="button"
    class="button"
    data-kind=${quiet ? "icon" : "plain"}
    aria-label=${label}
    title=${label}
    @click=${(event) => copyText(text, event.currentTarget)}>
    ${icon("copy")}${quiet ? "" : label}
  </button>`;
}

/** Text of code with its copy button. */
export function code(text, label = "Copy") {
  return html`<span class="code-line"><code>${text}</code>${copyButton(text, label)}</span>`;
}

/** A block of code, as a snippet to copy. `copied`: what the button copies, where less of it is to be seen. */
export function snippet(text, { label = "Copy", title = null, copied = text } = {}) {
  return html`<figure class="snippet">
    ${title ? html`<figcaption>${title}</figcaption>` : ""}${copyButton(copied, label, { quiet: false })}
    <pre tabindex="0" aria-label=${title ?? "Text to copy"}><code>${text}</code></pre>
  </figure>`;
}

/** One figure with its name, a note under it, and where it leads. */
export function tile({ label, value, note = "", href = null, tone = null, extra = "" }) {
  const inside = html`<span class="tile-label">${label}</span><span class="tile-value">${value}</span>
    <span class="tile-note">${note}</span>${extra}`;
  return href
    ? html`<a class="tile" href=${href} data-tone=${tone ?? ""}>${inside}</a>`
    : html`<div class="tile" data-tone=${tone ?? ""}>${inside}</div>`;
}

/** The heading of a page, a sentence under it, and its actions. */
export function pageHead(title, { lead = "", actions = "", back = null } = {}) {
  return html`<header class="page-head">
    <div>
      ${back ? html`<a class="back" href=${back.href}>${icon("left")}${back.text}</a>` : ""}
      <h1 tabindex="-1">${title}</h1>
      ${lead ? html`<p class="lead">${lead}</p>` : ""}
    </div>
    <div class="actions">${actions}</div>
  </header>`;
}

/** Tabs that are links: `items` are `{name, text, count?}`, `hrefOf(name)` gives the address. */
export function tabs(label, items, current, hrefOf) {
  return html`<nav class="tabs" aria-label=${label}>
    ${items.map(
      (item) =>
        html`<a href=${hrefOf(item.name)} aria-current=${item.name === current ? "page" : "false"}
          >${item.text}${item.count === undefined ? "" : html` <span class="count">${count(item.count)}</span>`}</a
        >`,
    )}
  </nav>`;
}

/** Facts as a list of names and values: `[["Created", at(…)], …]`. */
export function facts(pairs) {
  return html`<dl class="facts">
    ${pairs.filter(Boolean).map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
