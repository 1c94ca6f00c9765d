// What a user may use at most, over all keys together: shown on the page of the user, changed in a dialog.

import { facts } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { toast } from "../../components/toast.js";
import { html } from "../../html.js";
import { LIMIT_FIELDS, limitState, loadModels, modelFields, numberFields, typedLimits } from "../keys/limit-fields.js";
import { changesOf, limitBody, limitFacts, limitFaults } from "../keys/limits.js";

/** `save(changes)` writes and gives the user as the server has it then. */
export const limitsPanel = (user, { save, done }) =>
  html`<section class="panel stack">
    <h2>Limits</h2>
    <p>For all keys of ${user.name} together. A key may have narrower ones.</p>
    ${facts(limitFacts(user))}
    <div class="actions">
      <button type="button" class="button" @click=${() => openUserLimits(user, { save, done })}>
        ${icon("edit")}Edit limits
      </button>
    </div>
  </section>`;

export function openUserLimits(user, { save, done }) {
  const state = limitState(user);
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => write(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });

  async function write(values) {
    const typed = typedLimits(values, state);
    const faults = limitFaults(typed);
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const changes = changesOf(user, limitBody(typed));
    const isChanged = Object.keys(changes).length > 0;
    const saved = isChanged ? await save(changes) : user;
    dialog.done();
    toast(
      isChanged
        ? `The limits of ${saved.name} are changed. They hold from the next request on.`
        : "Nothing was changed.",
    );
    done(saved);
  }

  const draw = () =>
    dialog.show(
      `Limits of ${user.name}`,
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${form.summary(LIMIT_FIELDS)}
        <div class="form-grid">${numberFields(form, user)}</div>
        ${modelFields(form, state, user, () => draw())}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>${form.button("Save")}
        </div>
      </form>`,
    );
  loadModels(state, () => dialog.isOpen && draw());
  draw();
}
