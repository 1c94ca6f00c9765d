// How fast a balance goes: how long it lasts, what a day costs, and over which days that is reckoned. Pure.

import { decimalText, parseDecimal } from "./decimal.js";
import { money } from "./format.js";

const DAYS_SHORT = 3;
const DAYS_SAID = 365;
const WEEK_DAYS = 7;

/** What the figures mean, for whoever asks. */
export const HOW =
  "The balance, divided by what a day cost of late: what was spent in the last 7 days, " +
  "or since the first request where that is fewer days, one at least.";

/** Whether the balance lasts for a few days only. */
export function isRunningLow({ days_left: days }) {
  return days !== null && days !== undefined && days < DAYS_SHORT;
}

/** `11 days`, `less than a day`; a dash when nothing was spent lately. */
export function daysText(days) {
  if (days === null || days === undefined) return "–";
  if (days <= 0) return "none";
  if (days < 1) return "less than a day";
  if (days > DAYS_SAID) return "more than a year";
  const whole = Math.floor(days);
  return whole === 1 ? "1 day" : `${whole} days`;
}

/** The days that the pace is taken from: `last 7 days`, `last 2.4 days`, `last day`. */
export function paceText({ pace_days: days }) {
  const taken = days ?? WEEK_DAYS;
  return taken === 1 ? "last day" : `last ${taken} days`;
}

/** What a day cost on average over those days, as dollars; a dash while it is not known. */
export function burnText({ spent_7d: spent, pace_days: days }) {
  if (spent === null || spent === undefined) return "–";
  const { units, scale } = parseDecimal(spent);
  // Days have one digit after the point, and so a tenth of them is whole. Two more digits than the sum has are more
  // than is shown; the division is cut, not rounded.
  const tenths = BigInt(Math.round((days ?? WEEK_DAYS) * 10));
  return money(decimalText({ units: (units * 1000n) / tenths, scale: scale + 2 }));
}
