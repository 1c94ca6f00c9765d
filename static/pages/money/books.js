// Whether the books agree: all that was credited, less all that was used, is what is outstanding. Pure, exact.

import { addDecimals, compareDecimals, subtractDecimals } from "../../decimal.js";

/** `totals` as of /api/admin/ledger/totals. `difference` is "0" when they agree, or what is too much in the balances. */
export function reconcile({ credited, used, outstanding }) {
  const expected = subtractDecimals(credited, used);
  const difference = subtractDecimals(outstanding, expected);
  return { credited, used, outstanding, expected, difference, agrees: compareDecimals(difference, "0") === 0 };
}

/** `[kind, amount, count]` of every kind that has entries; a kind may be given as its amount alone, or with a count. */
export function kindTotals(byKind) {
  return Object.entries(byKind).map(([kind, sum]) => (typeof sum === "object" && sum !== null
    ? [kind, sum.amount ?? sum.total ?? "0", sum.count ?? sum.entries ?? null] : [kind, sum, null]));
}

/** How many entries the filters choose, or null where the server does not say. */
export function countOf(totals) {
  if (typeof totals.count === "number") return totals.count;
  const counts = kindTotals(totals.by_kind ?? {}).map(([, , count]) => count);
  return counts.some((count) => count === null) ? null : counts.reduce((sum, count) => sum + count, 0);
}

export const sumOf = (byKind) => addDecimals("0", ...kindTotals(byKind).map(([, amount]) => amount));
