// What to say first when the money is gone or nearly so. Pure.

import { compareDecimals } from "../../decimal.js";
import { money } from "../../format.js";

const DAYS_LOW = 3;
const DAYS_SAID = 365;

/** `{tone, title, lines: [[heading, sentence]]}`, or null while there is nothing to say. `daysLeft` null: not known. `spent`:
 * in all. */
export function balanceNotice(balance, daysLeft, spent = null) {
  const sign = compareDecimals(balance, "0");
  if (sign <= 0) {
    const isNew = sign === 0 && spent !== null && compareDecimals(spent, "0") === 0;
    return {
      tone: "bad",
      title:
        sign < 0
          ? `Your balance is below zero: ${money(balance)}`
          : isNew
            ? "There is no money yet"
            : "Your balance is used up",
      lines: [
        [
          "What happened",
          sign < 0
            ? "The last answer cost more than was left. What one costs is known only when it ends, so the last one may go below zero."
            : isNew
              ? "Nothing was spent so far, and there is nothing to spend from."
              : "Everything that was put in has been used.",
        ],
        [
          "What still works",
          "These pages: every request with its receipt, the prices, your keys. The list of models, too. New requests are refused with status 402, and refused requests cost nothing.",
        ],
        [
          "What to do",
          "Ask whoever gave you the key for a top-up. Your keys work again at once after it; nothing needs to be set up anew.",
        ],
      ],
    };
  }
  if (daysLeft === null || daysLeft === undefined || daysLeft >= DAYS_LOW) return null;
  return {
    tone: "warn",
    title: `About ${daysText(daysLeft)} left at this pace`,
    lines: [
      ["What to do", "Ask for a top-up soon. At zero, new requests are refused with status 402 until there is one."],
    ],
  };
}

/** `11 days`, `less than a day`. */
export function daysText(days) {
  if (days < 1) return "less than a day";
  if (days > DAYS_SAID) return "more than a year";
  const whole = Math.floor(days);
  return whole === 1 ? "1 day" : `${whole} days`;
}
