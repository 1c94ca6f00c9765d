// Whether the books agree: all that was credited, less all that was used, is what is outstanding. Pure, exact.

import { compareDecimals, subtractDecimals } from "../../decimal.js";

/** `totals` as of /api/admin/ledger/totals. `difference` is "0" when they agree, or what is too much in balances. */
export function reconcile({ credited, used, outstanding }) {
  const expected = subtractDecimals(credited, used);
  const difference = subtractDecimals(outstanding, expected);
  return { credited, used, outstanding, expected, difference, agrees: compareDecimals(difference, "0") === 0 };
}
