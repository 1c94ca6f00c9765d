// How a user stands: what their balance means, and which word describes them. Pure.

import { compareDecimals } from "../../decimal.js";
import { isRunningLow } from "../../pace.js";
import { isCapped, limitName } from "../keys/limits.js";

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

/** What stands under the balance of a user whose calls are refused; "" for everyone else. */
export function trouble(user) {
  if (user.disabled) return "Calls are refused: the user is disabled.";
  if (compareDecimals(user.balance, "0") <= 0) return "Calls are refused with 402 until the balance is above zero.";
  return isCapped(user) ? `Calls are refused with 402: the ${limitName(user)} is used up.` : "";
}
