// One turn of the conversation: text as text, what went wrong in words, and the bill.

import { withQuery } from "../../api.js";
import { outcomeBadge } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { exact, receiptLines } from "../../components/receipt-lines.js";
import { html, when } from "../../html.js";

/** `isLast`: only the newest bill stands open. */
export function turnView(turn, isLast) {
  if (turn.role === "user")
    return html`<article class="turn" data-role="user" aria-label="You">
      <div class="turn-text">${turn.text}</div>
    </article>`;
  return html`<article class="turn" data-role="assistant" data-state=${turn.state} aria-label=${turn.model}>
    <header class="turn-head">
      <strong>${turn.model}</strong>${when(turn.state === "stopped", () => html`<span class="quiet">stopped</span>`)}
    </header>
    ${turn.text ? html`<div class="turn-text">${turn.text}</div>` : emptyText(turn)}
    ${when(turn.note, (note) => html`<p class="quiet">${note}</p>`)}
    ${when(
      turn.error,
      ({ advice, message }) =>
        html`<p class="strip" data-tone="bad">
          ${icon("error")}<span><strong>${advice}</strong> ${message}</span>
        </p>`,
    )}
    ${when(turn.requestId || turn.state === "stopped", () => foot(turn, isLast))}
  </article>`;
}

const foot = (turn, isLast) =>
  html`<footer class="turn-foot">${turn.requestId ? bill(turn, isLast) : STOPPED_EARLY}</footer>`;

/** Its id was not known yet. */
const STOPPED_EARLY = html`<span class="quiet"
  >Stopped before the answer began. If the provider bills anything for it, that will be under
  <a href="/ui/me/usage">Usage</a>.</span
>`;

function emptyText({ state }) {
  if (state === "done") return html`<p class="quiet">The model ended without any text.</p>`;
  if (!["waiting", "thinking", "streaming"].includes(state)) return "";
  const isThinking = state === "thinking";
  return html`<div class="turn-text turn-waiting">
    <span class=${isThinking ? "quiet" : "visually-hidden"}
      >${isThinking ? "Thinking…" : "Waiting for the answer…"}</span
    >
  </div>`;
}

function bill({ bill: found, requestId, state }, isLast) {
  const link = html`<a href=${withQuery("/ui/me/usage", { open: requestId })}>${requestId}</a>`;
  if (found === null) return html`<span class="quiet">${link}</span>`;
  if (found === "waiting") return html`<span class="quiet" role="status">${waitText(state)}</span>`;
  if (found === "late") return html`<span class="quiet">The receipt is not there yet. It will be under ${link}.</span>`;
  if (found === "none") return html`<span class="quiet">Nothing was billed. ${link}</span>`;
  if (!found.lines.length)
    return html`<span class="quiet">Nothing was billed. ${outcomeBadge(found.outcome)} ${link}</span>`;
  return html`<details class="bill" ?open=${isLast}>
    <summary>
      ${icon("right")}<span>Cost ${exact(found.cost)}</span
      ><span class="quiet">balance after it ${exact(found.balance)}</span
      >${found.outcome === "completed" ? "" : outcomeBadge(found.outcome)}
    </summary>
    ${receiptLines(found)}
    <p class="quiet">${link}</p>
  </details>`;
}

const waitText = (state) =>
  state === "stopped"
    ? "Stopped. The provider may still finish; waiting for what it bills…"
    : "Waiting for the receipt…";
