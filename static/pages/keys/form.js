// The dialog of a key: a new one, then its text once; or what an existing one may do.

import { patch, post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { toast } from "../../components/toast.js";
import { findUsers } from "../../components/options.js";
import { Picker } from "../../components/picker.js";
import { html, when } from "../../html.js";
import { LIMIT_FIELDS, limitState, loadModels, modelFields, numberFields, typedLimits } from "./limit-fields.js";
import { EXPIRIES, changesOf, keyBody, keyFaults } from "./limits.js";
import { openReveal } from "./reveal.js";

const OWN_FAULTS = ["name", "day", "owner", "expires_at", ...LIMIT_FIELDS];

/** A new key. `owner`: the user, or null to choose one. `done(key)` hears of the new row at once, before its text is
 * put away. */
export function openKeyForm({ owner = null, step = "", canSkip = false, done = () => {} }) {
  const state = { ...limitState(), expiry: "never", owner };
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => create(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  const picker = new Picker({
    find: findUsers,
    draw: () => dialog.isOpen && draw(),
    onpick: (id) => {
      state.owner = id === null ? null : { id, name: picker.textOf(id) };
      if (dialog.isOpen) draw();
    },
  });

  async function create(values) {
    const user = state.owner;
    const typed = typedLimits(values, state);
    const faults = {
      ...(user ? {} : { owner: "The owner must be one of the users: type a part of the name and choose." }),
      ...keyFaults(typed, Date.now()),
    };
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const { key, ...row } = await post(`/api/admin/users/${user.id}/keys`, keyBody(typed, Date.now()));
    dialog.done();
    const shown = { user_name: user.name, ...row };
    done(shown);
    openReveal(shown, key);
  }

  const ownerField = () =>
    picker.field({
      label: "Owner",
      value: state.owner?.id ?? null,
      placeholder: "Type a part of the name",
      autofocus: true,
      fault: form.faults.get("owner") ?? null,
    });
  const draw = () =>
    dialog.show(
      owner ? `Create a key for ${owner.name}` : "Create key",
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${when(step, () => html`<p class="quiet">${step}</p>`)}${form.summary(OWN_FAULTS)} ${owner ? "" : ownerField()}
        ${keyFields(form, state, { name: "" }, () => draw(), { autofocus: owner !== null })}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>${canSkip ? "Skip" : "Cancel"}</button>
          ${form.button("Create key", { busy: "Creating…" })}
        </div>
      </form>`,
    );
  loadModels(state, () => dialog.isOpen && draw());
  draw();
}

/** Change what a key may do. `done(key)` gets the server's row. */
export function openKeyEdit(key, { done = () => {} }) {
  const state = { ...limitState(key), expiry: key.expires_at ? "on" : "never" };
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => save(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  const day = key.expires_at?.slice(0, 10) ?? "";

  async function save(values) {
    const typed = typedLimits(values, state);
    const faults = keyFaults(typed, Date.now());
    // A moment that was not touched stays to the second: the form shows its day only.
    if (typed.expiry === "on" && typed.day === day) delete faults.day;
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const body = keyBody(typed, Date.now());
    if (typed.expiry === "on" && typed.day === day) body.expires_at = key.expires_at;
    const changes = changesOf(key, body);
    const saved = Object.keys(changes).length ? await patch(`/api/admin/keys/${key.id}`, changes) : key;
    dialog.done();
    toast(
      Object.keys(changes).length
        ? `Key ${saved.name} is changed. It holds from the next request on.`
        : "Nothing was changed.",
    );
    done({ ...key, ...saved });
  }

  const draw = () =>
    dialog.show(
      `Edit key ${key.name}`,
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${form.summary(OWN_FAULTS)} ${keyFields(form, state, key, () => draw(), { autofocus: true, day })}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>${form.button("Save")}
        </div>
      </form>`,
    );
  loadModels(state, () => dialog.isOpen && draw());
  draw();
}

function keyFields(form, state, key, draw, { autofocus = false, day = "" } = {}) {
  const choose = (event) => {
    state.expiry = event.target.value;
    draw();
  };
  const expiry = field(form, {
    name: "expiry",
    label: "Expires",
    type: "select",
    required: true,
    options: EXPIRIES,
    value: initialExpiry(key),
    oninput: choose,
  });
  const onDay = () =>
    field(form, {
      name: "day",
      label: "Day",
      type: "date",
      required: true,
      value: day,
      hint: "From its first moment on, in UTC.",
    });
  return html`${nameField(form, key.name, autofocus)}
    <div class="form-grid">${expiry} ${when(state.expiry === "on", onDay)} ${numberFields(form, key)}</div>
    ${modelFields(form, state, key, draw)}`;
}

const nameField = (form, value, autofocus) =>
  field(form, {
    name: "name",
    label: "Name",
    required: true,
    autofocus,
    value,
    maxlength: 200,
    placeholder: "ci-prod",
    hint: "Where it is used.",
  });

const initialExpiry = (key) => (key.expires_at ? "on" : "never");
