// The same movement of money for several users at once: for all of them or for nobody, and once.

import { post } from "../../api.js";
import { toast } from "../../components/toast.js";
import { timesDecimal } from "../../decimal.js";
import { exactMoney, listed, money, plural, signedMoney } from "../../format.js";
import { html } from "../../html.js";
import { kindText } from "./movement.js";
import { openMovement } from "./movement-dialog.js";
import { onceTo } from "./once.js";

const PATH = "/api/admin/users/ledger";

/** `users`: `{id, name}`. `done(ids)` hears whose balances moved; `gone()`, that one of them is there no more. */
export function openCreditSeveral(users, { done, gone }) {
  const unanswered = onceTo(PATH, post).sent;
  const ids = unanswered?.user_ids ?? users.map(({ id }) => id);
  const several = plural(ids.length, "user");

  openMovement({
    title: `Credit ${several}`,
    path: PATH,
    more: { user_ids: ids },
    lead: unanswered ? `This was sent before, for ${several}.` : listed(users.map(({ name }) => name)),
    preview: (amount) => preview(several, ids.length, amount),
    button: (amount, kind) =>
      amount === null ? "Write the entries" : `${kindText(kind)} ${ids.length} × ${money(amount)}`,
    written: ({ data: entries }) => {
      const [{ amount }] = entries;
      const all = signedMoney(timesDecimal(amount, entries.length));
      toast(`${plural(entries.length, "user")}: ${signedMoney(amount)} each, ${all} in all.`, {
        link: { href: "/ui/ledger", text: "Ledger" },
      });
      done(ids);
    },
    refused: (error) => {
      const isGone = Boolean(error.faults?.has("user_ids"));
      if (isGone) gone();
      return isGone;
    },
  });
}

/** "12 users × $5.00 = $60.00", to the digit. */
function preview(several, number, amount) {
  const all = amount === null ? null : timesDecimal(amount, number);
  return html`${several} × <strong title=${exactMoney(amount)}>${amount === null ? "–" : money(amount)}</strong> =
    <strong data-negative=${String(all ?? "").startsWith("-")} title=${exactMoney(all)}
      >${all === null ? "–" : money(all)}</strong
    >`;
}
