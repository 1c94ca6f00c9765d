// What a movement of money by hand is: its kinds, what it does to a balance, what is wrong with it. Pure.

import { addDecimals, compareDecimals, isDecimal, parseDecimal } from "../../decimal.js";

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

const THOUSANDS = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/;

/** An amount as typed, as the API takes it: without a dollar sign, blanks, a plus, or commas between thousands. Null:
 * no amount, such as one with a comma before the cents. */
export function readAmount(typed) {
  const text = String(typed ?? "")
    .replace(/[$\s]/g, "")
    .replace(/^\+/, "")
    .replace("\u2212", "-");
  const plain = THOUSANDS.test(text) ? text.replaceAll(",", "") : text;
  return isDecimal(plain) ? plain : null;
}

/** What the API takes at most: amounts are below a trillion dollars, and have twelve decimals. */
const LIMIT = "1000000000000";
const DECIMALS_MAX = 12;

/** What of an amount the API would refuse; "" when nothing. */
function sizeFault(value) {
  if (parseDecimal(value).scale > DECIMALS_MAX) return `must have at most ${DECIMALS_MAX} decimals`;
  return compareDecimals(value.replace("-", ""), LIMIT) < 0 ? "" : "must be below 1,000,000,000,000";
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
  const tooMuch = value === null ? "" : sizeFault(value);
  if (tooMuch) faults.amount = tooMuch;
  else if (value === null) faults.amount = "must be dollars such as 20 or 12.50, with a point before the cents";
  else if (compareDecimals(value, "0") === 0) faults.amount = "must not be zero";
  else if (kind !== "adjust" && compareDecimals(value, "0") < 0)
    faults.amount = "must be above zero; only Adjust may take away";
  if (kind === "adjust" && !String(reason ?? "").trim())
    faults.reason = "is required for an adjustment: it stays in the books";
  return faults;
}
