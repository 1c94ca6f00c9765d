// How a user stands: what their balance means, how long it lasts, which word describes them. Pure.

import { compareDecimals, decimalText, parseDecimal } from "../../decimal.js";
import { money } from "../../format.js";
import { isCapped, limitName } from "../keys/limits.js";

const DAYS_SHORT = 3;

/** `{text, tone, icon}` of a user: deleted, disabled, overdrawn, out of money, capped, running low, or active. */
export function standingOf(user) {
  if (user.deleted_at) return { text: "Deleted", tone: "quiet", icon: "trash" };
  if (user.disabled) return { text: "Disabled", tone: "quiet", icon: "stop" };
  const side = compareDecimals(user.balance, "0");
  if (side < 0) return { text: "Overdrawn", tone: "bad", icon: "error" };
  if (side === 0) return { text: "No money", tone: "bad", icon: "error" };
  if (isCapped(user)) return { text: "Capped", tone: "bad", icon: "stop" };
  if (isRunningLow(user)) return { text: "Running low", tone: "warn", icon: "warning" };
  return { text: "Active", tone: "good", icon: "check" };
}

/** Whether the balance lasts for a few days only. */
export function isRunningLow({ days_left: days }) {
  return days !== null && days !== undefined && days < DAYS_SHORT;
}

/** `11 days`, `less than a day`; a dash when nothing was spent lately. */
export function daysText(days) {
  if (days === null || days === undefined) return "–";
  if (days <= 0) return "none";
  if (days < 1) return "less than a day";
  if (days >= 1000) return "1,000+ days";
  const whole = Math.floor(days);
  return whole === 1 ? "1 day" : `${whole} days`;
}

/** What stands under the balance of a user whose calls are refused; "" for everyone else. */
export function trouble(user) {
  if (user.disabled) return "Calls are refused: the user is disabled.";
  if (compareDecimals(user.balance, "0") <= 0) return "Calls are refused with 402 until the balance is above zero.";
  return isCapped(user) ? `Calls are refused with 402: the ${limitName(user)} is used up.` : "";
}

/** What a day cost on average over a week, as dollars; a dash while it is not known. */
export function burnText(spentInWeek) {
  if (spentInWeek === null || spentInWeek === undefined) return "–";
  const { units, scale } = parseDecimal(spentInWeek);
  // Two more digits than the sum has are more than is shown; the division is cut, not rounded.
  return money(decimalText({ units: (units * 100n) / 7n, scale: scale + 2 }));
}
