// How much of a limit is used up: a bar, and the same in words.

import { compareDecimals, roughly } from "../decimal.js";
import { money } from "../format.js";
import { html, when } from "../html.js";
import { amount, timeAgo } from "./bits.js";

const NEARLY = 0.8;

/** How far the spend limit of a user or key is used up: `spend_status` is `{spent, left, resets_at}`, as the API says
 * it of the period that runs. */
export function spendMeter({ spend_limit: limit, spend_period: period, spend_status: status }) {
  if (!limit) return html`<span class="quiet">no limit</span>`;
  if (!status) return html`${money(limit)} ${periodText(period)}`;
  const resets = when(status.resets_at, () => html`, anew ${timeAgo(status.resets_at)}`);
  return html`<span class="meter">
    <span>${amount(status.spent)} of ${amount(limit)}</span>
    <progress
      max="1"
      value=${usedShare(limit, status)}
      data-tone=${meterTone(limit, status)}
      aria-label=${`${money(status.left)} left`}></progress>
    <span class="sub">${periodText(period)}${resets}</span>
  </span>`;
}

const periodText = (period) => (period ? `a ${period}` : "in all");

/** From 0 to 1, for drawing. */
function usedShare(limit, { spent }) {
  return Math.min(1, roughly(spent) / roughly(limit));
}

function meterTone(limit, status) {
  if (compareDecimals(status.left, "0") <= 0) return "bad";
  return usedShare(limit, status) >= NEARLY ? "warn" : "good";
}
