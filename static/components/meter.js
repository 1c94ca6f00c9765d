// How much of a limit is used up: a bar, and the same in words.

import { compareDecimals, roughly } from "../decimal.js";
import { money } from "../format.js";
import { html, when } from "../html.js";
import { timeAgo } from "./bits.js";

const NEARLY = 0.8;

/** `status` is `{spent, left, resets_at}` as the API says it of `limit`, which is for `period` (null: for ever). */
export function spendMeter({ spend_limit: limit, spend_period: period, spend_status: status }) {
  if (!limit) return html`<span class="quiet">no limit</span>`;
  if (!status) return html`<span class="nowrap">${money(limit)} ${periodText(period)}</span>`;
  return html`<span class="meter">
    <span class="nowrap">${money(status.spent)} of ${money(limit)} ${periodText(period)}</span>
    <progress
      max="1"
      value=${usedShare(limit, status)}
      data-tone=${meterTone(limit, status)}
      aria-label=${`${money(status.left)} left`}></progress>
    ${when(status.resets_at, () => html`<span class="sub">begins anew ${timeAgo(status.resets_at)}</span>`)}
  </span>`;
}

export const periodText = (period) => (period ? `a ${period}` : "in all");

/** From 0 to 1, for drawing. */
function usedShare(limit, { spent }) {
  return Math.min(1, roughly(spent) / roughly(limit));
}

function meterTone(limit, status) {
  if (compareDecimals(status.left, "0") <= 0) return "bad";
  return usedShare(limit, status) >= NEARLY ? "warn" : "good";
}
