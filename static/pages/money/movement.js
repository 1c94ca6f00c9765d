// What a movement of money by hand is: its kinds, what it does to a balance, what is wrong with it. Pure.

import { addDecimals, compareDecimals, isDecimal } from "../../decimal.js";

/** The kinds that an admin may choose, with what each means. `reverse` is made by reversing an entry. */
export const KINDS = [
  { kind: "credit", text: "Credit", meaning: "Money the user has paid you." },
  { kind: "grant", text: "Grant", meaning: "Free credit that you give." },
  { kind: "refund", text: "Refund", meaning: "Gives back what requests were charged." },
  { kind: "adjust", text: "Adjust", meaning: "Puts a mistake right. May take away, and needs a reason." },
];

const TEXTS = {
  ...Object.fromEntries(KINDS.map(({ kind, text }) => [kind, text])),
  reverse: "Reverse",
  usage: "Usage",
};
const TONES = { credit: "good", grant: "info", refund: "info", adjust: "warn", reverse: "warn", usage: "quiet" };

/** A kind of entry in words, and its tone. */
export const kindText = (kind) => TEXTS[kind] ?? String(kind);
export const kindTone = (kind) => TONES[kind] ?? "quiet";

/** An amount as typed, as the API takes it: without a dollar sign, blanks or a plus. Null: no amount. */
export function readAmount(typed) {
  const text = String(typed ?? "")
    .replace(/[$\s]/g, "")
    .replace(/^\+/, "")
    .replace("\u2212", "-");
  return isDecimal(text) ? text : null;
}

/** The balance after `typed` was added to `balance`; null while no amount is typed. */
export function balanceAfter(balance, typed) {
  const amount = readAmount(typed);
  return amount === null ? null : addDecimals(balance, amount);
}

/** What is wrong with a movement, by field; an empty object when nothing is. */
export function movementFaults({ kind, amount, reason }) {
  const value = readAmount(amount);
  const faults = {};
  if (value === null) faults.amount = "must be dollars such as 20 or 12.50, with a point before the cents";
  else if (compareDecimals(value, "0") === 0) faults.amount = "must not be zero";
  else if (kind !== "adjust" && compareDecimals(value, "0") < 0)
    faults.amount = "must be above zero; only Adjust may take away";
  if (kind === "adjust" && !String(reason ?? "").trim())
    faults.reason = "is required for an adjustment: it stays in the books";
  return faults;
}
