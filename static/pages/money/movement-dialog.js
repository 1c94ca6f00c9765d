// The dialog that moves money by hand, of one user or of several: amount, kind, reason, and what will come of it.

import { post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { html, when } from "../../html.js";
import { KINDS, movementFaults, readAmount } from "./movement.js";
import { onceTo } from "./once.js";

/**
 * `path` takes the movement, with `more` of its body. `preview(amount)` and `button(amount, kind)` say what will come
 * of what is typed, as the API takes it; null while it is no amount. `written(answer)` hears of it. `refused(error)`
 * may say that it dealt with a refusal, which ends the dialog. In a row of steps, `step` says which one this is and
 * `skip()` goes on without it. Returns what draws it anew.
 */
export function openMovement({ title, path, more = {}, lead, preview, button, written, refused, step, skip }) {
  const write = onceTo(path, post);
  const typed = { amount: write.sent?.amount ?? "", kind: write.sent?.kind ?? "credit" };
  const form = new Form({ draw: () => redraw(), submit: (values) => send(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  const redraw = () => dialog.isOpen && draw();

  async function send(values) {
    const faults = write.isUnknown ? {} : movementFaults({ ...values, kind: typed.kind });
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    try {
      const answer = await write.send({ ...more, ...bodyOf(values, typed.kind) });
      dialog.done();
      written(answer);
    } catch (error) {
      if (!refused?.(error)) throw error;
      dialog.done();
    }
  }

  const draw = () => {
    const value = readAmount(typed.amount);
    const text = write.isUnknown ? "Send again" : button(value, typed.kind);
    dialog.show(
      title,
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${when(step, () => html`<p class="quiet">${step}</p>`)} ${when(lead, () => html`<p>${lead}</p>`)}
        ${write.isUnknown && !form.isBusy ? UNKNOWN : form.summary(["amount", "reason"])}
        ${amountField(form, write, (event) => {
          typed.amount = event.target.value;
          draw();
        })}
        ${kindChoices(typed.kind, write, (kind) => {
          typed.kind = kind;
          draw();
        })}
        ${reasonField(form, write, typed.kind === "adjust")}
        <p class="preview" aria-live="polite">${preview(value)}</p>
        <div class="actions end">
          <button type="button" class="button" ?disabled=${form.isBusy} @click=${leave}>
            ${skip ? "Skip" : "Cancel"}
          </button>
          ${form.button(text, { busy: "Writing…" })}
        </div>
      </form>`,
    );
  };

  /** Out of the dialog: on to the next step, or back. */
  const leave = () => {
    dialog.close();
    skip?.();
  };

  draw();
  return redraw;
}

const amountField = (form, write, oninput) =>
  field(form, {
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
    oninput,
  });

const reasonField = (form, write, required) =>
  field(form, {
    name: "reason",
    label: "Reason",
    required,
    type: "textarea",
    rows: 2,
    maxlength: 2000,
    value: write.sent?.reason ?? "",
    disabled: write.isUnknown,
    hint: "An invoice number, or why. Stands in the books and in the user's statement.",
  });

const kindChoices = (chosen, write, choose) =>
  html`<fieldset class="choices">
    <legend>Kind</legend>
    ${KINDS.map(
      ({ kind, text, meaning }) =>
        html`<label class="choice">
          <input
            type="radio"
            name="kind"
            value=${kind}
            .checked=${chosen === kind}
            ?disabled=${write.isUnknown}
            @change=${() => choose(kind)} /><span
            ><strong>${text}</strong><span class="sub">${meaning}</span></span
          ></label
        >`,
    )}
  </fieldset>`;

function bodyOf({ amount, reason }, kind) {
  const why = String(reason ?? "").trim();
  return { kind, amount: readAmount(amount), ...(why ? { reason: why } : {}) };
}

const UNKNOWN = html`<div class="form-error" role="alert" tabindex="-1" data-tone="warn">
  <p>${icon("warning")} No answer came, so this may be in the books already.</p>
  <p>Send it again: it counts once.</p>
</div>`;
