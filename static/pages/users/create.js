// A new user, then straight to their money and their first key: three steps, the last two may be skipped.

import { post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { toast } from "../../components/toast.js";
import { html } from "../../html.js";
import { openKeyForm } from "../keys/form.js";
import { LIMIT_FIELDS, limitState, loadModels, modelFields, numberFields, typedLimits } from "../keys/limit-fields.js";
import { limitBody, limitFaults } from "../keys/limits.js";
import { openTopUp } from "../money/top-up.js";

/** `changed(user)` is called whenever a step wrote something. */
export function openCreateUser({ changed }) {
  const state = limitState();
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => create(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });

  async function create(values) {
    const typed = typedLimits(values, state);
    const faults = limitFaults(typed);
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const { name, email, note } = values;
    const said = Object.entries({ name, email: email.trim(), note: note.trim(), ...limitBody(typed) }).filter(
      ([, value]) => value,
    );
    const user = await post("/api/admin/users", Object.fromEntries(said));
    dialog.done();
    toast(`User ${user.name} is created.`);
    changed(user);
    money(user);
  }
  const money = (user) =>
    openTopUp(user, {
      step: "Step 2 of 3. Calls are refused until there is money.",
      skip: () => firstKey(user),
      done: () => {
        changed(user);
        firstKey(user);
      },
    });
  const firstKey = (user) =>
    openKeyForm({
      owner: user,
      step: "Step 3 of 3. What the user calls with.",
      canSkip: true,
      done: () => changed(user),
    });

  const draw = () =>
    dialog.show(
      "Create user",
      html`<form class="stack" novalidate @submit=${form.handle}>
        <p class="quiet">Step 1 of 3. Then money, and a first key.</p>
        ${form.summary(["name", "email", "note", ...LIMIT_FIELDS])}
        ${field(form, {
          name: "name",
          label: "Name",
          required: true,
          autofocus: true,
          maxlength: 200,
          hint: "A person, a team or a program.",
        })}
        ${field(form, { name: "email", label: "E-mail", type: "email" })}
        ${field(form, {
          name: "note",
          label: "Note",
          type: "textarea",
          rows: 2,
          maxlength: 2000,
          hint: "For admins. The user never sees it.",
        })}
        <details class="more-fields">
          <summary>Limits, for all keys together</summary>
          <div class="stack">
            <div class="form-grid">${numberFields(form, {})}</div>
            ${modelFields(form, state, {}, () => draw())}
          </div>
        </details>
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button
          >${form.button("Create user", { busy: "Creating…" })}
        </div>
      </form>`,
    );
  loadModels(state, () => dialog.isOpen && draw());
  draw();
}
