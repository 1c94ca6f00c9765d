// The dialog that moves money by hand: amount, kind, reason, and what the balance will be.

import { ApiError, get, post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { toast } from "../../components/toast.js";
import { exactMoney, money, signedMoney } from "../../format.js";
import { html, when } from "../../html.js";
import { KINDS, balanceAfter, kindText, movementFaults, readAmount } from "./movement.js";
import { onceTo } from "./once.js";

/** `user`: `{id, name, balance}`. `done(entry)` hears of the entry. In a row of steps, `step` says which one this is
 * and `skip()` goes on without it. */
export function openTopUp(user, { done = () => {}, step = "", skip = null } = {}) {
  const write = onceTo(`/api/admin/users/${user.id}/ledger`, post);
  const typed = { amount: write.sent?.amount ?? "", kind: write.sent?.kind ?? "credit" };
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => send(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  /** What is left may be less than the page behind shows: requests are charged meanwhile. */
  let { balance } = user;

  async function refresh() {
    try {
      ({ balance } = await get(`/api/admin/users/${user.id}`));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    if (dialog.isOpen) draw();
  }

  async function send(values) {
    const faults = write.isUnknown ? {} : movementFaults({ ...values, kind: typed.kind });
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const entry = await write.send(bodyOf(values, typed.kind));
    dialog.done();
    toast(
      `Entry ${entry.id}: ${signedMoney(entry.amount)} for ${user.name}. The balance is ${money(entry.balance_after)}.`,
    );
    done(entry);
  }

  const draw = () =>
    dialog.show(
      `Top up ${user.name}`,
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${when(step, () => html`<p class="quiet">${step}</p>`)}
        ${write.isUnknown && !form.isBusy ? unknown() : form.summary(["amount", "reason"])}
        ${field(form, {
          name: "amount",
          label: "Amount",
          prefix: "$",
          suffix: "USD",
          required: true,
          inputmode: "decimal",
          placeholder: "20.00",
          autofocus: true,
          value: write.sent?.amount ?? "",
          disabled: write.isUnknown,
          oninput: (event) => {
            typed.amount = event.target.value;
            draw();
          },
        })}
        ${kinds()}
        ${field(form, {
          name: "reason",
          label: "Reason",
          required: typed.kind === "adjust",
          type: "textarea",
          rows: 2,
          maxlength: 2000,
          value: write.sent?.reason ?? "",
          disabled: write.isUnknown,
          hint: "An invoice number, or why. Stands in the books and in the user's statement.",
        })}
        ${preview(balance, typed)}
        <div class="actions end">
          ${leave()} ${form.button(write.isUnknown ? "Send again" : buttonText(typed), { busy: "Writing the entry…" })}
        </div>
      </form>`,
    );

  /** Out of the dialog: on to the next step, or back. */
  const leave = () => {
    const go = () => {
      dialog.close();
      skip?.();
    };
    return html`<button type="button" class="button" ?disabled=${form.isBusy} @click=${go}>
      ${skip ? "Skip" : "Cancel"}
    </button>`;
  };

  const kinds = () =>
    html`<fieldset class="choices">
      <legend>Kind</legend>
      ${KINDS.map(
        ({ kind, text, meaning }) =>
          html`<label class="choice">
            <input
              type="radio"
              name="kind"
              value=${kind}
              .checked=${typed.kind === kind}
              ?disabled=${write.isUnknown}
              @change=${() => {
                typed.kind = kind;
                draw();
              }} /><span><strong>${text}</strong><span class="sub">${meaning}</span></span></label
          >`,
      )}
    </fieldset>`;

  draw();
  refresh();
}

function bodyOf({ amount, reason }, kind) {
  const why = String(reason ?? "").trim();
  return { kind, amount: readAmount(amount), ...(why ? { reason: why } : {}) };
}

const buttonText = ({ amount, kind }) => {
  const value = readAmount(amount);
  return value === null ? "Write the entry" : `${kindText(kind)} ${money(value)}`;
};

/** "Balance $3.20 → $23.20", to the digit. */
function preview(balance, { amount }) {
  const after = balanceAfter(balance, amount);
  return html`<p class="preview" aria-live="polite">
    <span class="quiet">Balance</span> <strong title=${exactMoney(balance)}>${money(balance)}</strong>
    <span aria-hidden="true">→</span><span class="visually-hidden">becomes</span>
    <strong data-negative=${String(after ?? "").startsWith("-")} title=${exactMoney(after)}
      >${after === null ? "–" : money(after)}</strong
    >
  </p>`;
}

function unknown() {
  return html`<div class="form-error" role="alert" tabindex="-1" data-tone="warn">
    <p>${icon("warning")} No answer came, so this entry may be in the books already.</p>
    <p>Send it again: the same entry counts once.</p>
  </div>`;
}
