// Taking an entry of the ledger back: a second entry of the opposite amount, with a reason. Nothing is deleted.

import { post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { toast } from "../../components/toast.js";
import { subtractDecimals } from "../../decimal.js";
import { money, signedMoney } from "../../format.js";
import { html } from "../../html.js";
import { kindText } from "./movement.js";
import { onceTo } from "./once.js";

const UNKNOWN = html`<p class="form-error" role="alert" tabindex="-1">
  No answer came. Send it again: it counts once.
</p>`;

/** `entry`: `{id, kind, amount}`; `owner`: the user's name. `done(reversal)` hears of the new entry. */
export function openReverse(entry, owner, { done = () => {} } = {}) {
  const write = onceTo(`/api/admin/ledger/${entry.id}/reverse`, post);
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => send(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  const back = subtractDecimals("0", entry.amount);

  async function send({ reason }) {
    if (!write.isUnknown && !reason?.trim()) throw new FieldFaults({ reason: "is required: it stays in the books" });
    const reversal = await write.send({ reason: reason?.trim() });
    dialog.done();
    const moved = `${signedMoney(reversal.amount)}. The balance is ${money(reversal.balance_after)}.`;
    toast(`Entry ${entry.id} is reversed by entry ${reversal.id}: ${moved}`);
    done(reversal);
  }

  const draw = () =>
    dialog.show(
      `Reverse entry ${entry.id}`,
      html`<form class="stack" novalidate @submit=${form.handle}>
        <p>
          ${kindText(entry.kind)} of ${signedMoney(entry.amount)} for ${owner}. A new entry of
          <strong>${signedMoney(back)}</strong> is written; this one stays as it is.
        </p>
        ${write.isUnknown && !form.isBusy ? UNKNOWN : form.summary(["reason"])}
        ${field(form, {
          name: "reason",
          label: "Reason",
          type: "textarea",
          rows: 2,
          required: true,
          maxlength: 2000,
          autofocus: true,
          value: write.sent?.reason ?? "",
          disabled: write.isUnknown,
        })}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>
          ${form.button(write.isUnknown ? "Send again" : `Reverse entry ${entry.id}`, {
            kind: "danger",
            busy: "Reversing…",
          })}
        </div>
      </form>`,
    );
  draw();
}
