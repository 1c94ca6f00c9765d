// Money for one user, with what the balance will be.

import { ApiError, get } from "../../api.js";
import { toast } from "../../components/toast.js";
import { exactMoney, money, signedMoney } from "../../format.js";
import { html } from "../../html.js";
import { balanceAfter, kindText } from "./movement.js";
import { openMovement } from "./movement-dialog.js";

/** `user`: `{id, name, balance}`. `done(entry)` hears of the entry. In a row of steps, `step` says which one this is
 * and `skip()` goes on without it. */
export function openTopUp(user, { done = () => {}, step = "", skip = null } = {}) {
  /** What is left may be less than the page behind shows: requests are charged meanwhile. */
  let { balance } = user;

  const redraw = openMovement({
    title: `Top up ${user.name}`,
    path: `/api/admin/users/${user.id}/ledger`,
    preview: (amount) => preview(balance, amount),
    button: (amount, kind) => (amount === null ? "Write the entry" : `${kindText(kind)} ${money(amount)}`),
    written: (entry) => {
      const moved = `${signedMoney(entry.amount)} for ${user.name}`;
      toast(`Entry ${entry.id}: ${moved}. The balance is ${money(entry.balance_after)}.`);
      done(entry);
    },
    step,
    skip,
  });

  async function refresh() {
    try {
      ({ balance } = await get(`/api/admin/users/${user.id}`));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    redraw();
  }
  refresh();
}

/** "Balance $3.20 → $23.20", to the digit. */
function preview(balance, amount) {
  const after = balanceAfter(balance, amount);
  return html`<span class="quiet">Balance</span> <strong title=${exactMoney(balance)}>${money(balance)}</strong>
    <span aria-hidden="true">→</span><span class="visually-hidden">becomes</span>
    <strong data-negative=${String(after ?? "").startsWith("-")} title=${exactMoney(after)}
      >${after === null ? "–" : money(after)}</strong
    >`;
}
