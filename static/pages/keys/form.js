// The dialog of a key: a new one, then its text once; or what an existing one may do.

import { get, patch, post, withQuery } from "../../api.js";
import { ApiError } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { toast } from "../../components/toast.js";
import { Picker } from "../../components/picker.js";
import { html, when } from "../../html.js";
import { findUsers } from "../requests/filter-bar.js";
import { EXPIRIES, keyBody, keyChanges, keyFaults } from "./limits.js";
import { openReveal } from "./reveal.js";

const MODELS_MAX = 200;
const OWN_FAULTS = ["name", "day", "max_concurrency", "allowed_models", "owner", "expires_at"];

/** A new key. `owner`: the user, or null to choose one. `done(key)` hears of the new row at once, before its text is put
 * away. */
export function openKeyForm({ owner = null, step = "", canSkip = false, done = () => {} }) {
  const state = { expiry: "never", isLimited: false, models: null, modelsError: null, owner };
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => create(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  const picker = new Picker({ find: findUsers, draw: () => dialog.isOpen && draw(),
    onpick: (id) => { state.owner = id === null ? null : { id, name: picker.textOf(id) }; if (dialog.isOpen) draw(); } });

  async function create(values) {
    const user = state.owner;
    const typed = typedKey(values, state);
    const faults = { ...(user ? {} : { owner: "The owner must be one of the users: type a part of the name and choose." }), ...keyFaults(typed, Date.now()) };
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const { key, ...row } = await post(`/api/admin/users/${user.id}/keys`, keyBody(typed, Date.now()));
    form.isBusy = false;
    dialog.close();
    const shown = { user_name: user.name, ...row };
    done(shown);
    openReveal(shown, key);
  }

  const draw = () => dialog.show(owner ? `Create a key for ${owner.name}` : "Create key", html`<form class="stack" novalidate @submit=${form.handle}>
    ${when(step, () => html`<p class="quiet">${step}</p>`)}${form.summary(OWN_FAULTS)}
    ${owner ? "" : picker.field({ label: "Owner", value: state.owner?.id ?? null, placeholder: "Type a part of the name", autofocus: true, fault: form.faults.get("owner") ?? null })}
    ${limitFields(form, state, { name: "" }, () => draw(), { autofocus: owner !== null })}
    <div class="actions end"><button type="button" class="button" @click=${() => dialog.close()}>${canSkip ? "Skip" : "Cancel"}</button>
      ${form.button("Create key", { busy: "Creating…" })}</div></form>`);
  loadModels(state, () => dialog.isOpen && draw());
  draw();
}

/** Change what a key may do. `done(key)` gets the server's row. */
export function openKeyEdit(key, { done = () => {} }) {
  const state = { expiry: key.expires_at ? "on" : "never", isLimited: key.allowed_models !== null, models: null, modelsError: null };
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => save(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });
  const day = key.expires_at?.slice(0, 10) ?? "";

  async function save(values) {
    const typed = typedKey(values, state);
    const faults = keyFaults(typed, Date.now());
    // A moment that was not touched stays to the second: the form shows its day only.
    if (typed.expiry === "on" && typed.day === day) delete faults.day;
    if (Object.keys(faults).length) throw new FieldFaults(faults);
    const body = keyBody(typed, Date.now());
    if (typed.expiry === "on" && typed.day === day) body.expires_at = key.expires_at;
    const changes = keyChanges(key, body);
    const saved = Object.keys(changes).length ? await patch(`/api/admin/keys/${key.id}`, changes) : key;
    form.isBusy = false;
    dialog.close();
    toast(Object.keys(changes).length ? `Key ${saved.name} is changed. It holds from the next request on.` : "Nothing was changed.");
    done({ ...key, ...saved });
  }

  const draw = () => dialog.show(`Edit key ${key.name}`, html`<form class="stack" novalidate @submit=${form.handle}>${form.summary(OWN_FAULTS)}
    ${limitFields(form, state, key, () => draw(), { autofocus: true, day })}
    <div class="actions end"><button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>${form.button("Save")}</div></form>`);
  loadModels(state, () => dialog.isOpen && draw());
  draw();
}

function limitFields(form, state, key, draw, { autofocus = false, day = "" } = {}) {
  const choose = (event) => { state.expiry = event.target.value; draw(); };
  const limit = (isLimited) => () => { state.isLimited = isLimited; draw(); };
  const fault = form.faults.get("allowed_models");
  return html`${field(form, { name: "name", label: "Name", required: true, autofocus, value: key.name, maxlength: 200, placeholder: "ci-prod", hint: "Where it is used." })}
    <div class="form-grid">${field(form, { name: "expiry", label: "Expires", type: "select", required: true, options: EXPIRIES, value: initialExpiry(key), oninput: choose })}
      ${when(state.expiry === "on", () => field(form, { name: "day", label: "Day", type: "date", required: true, value: day, hint: "From its first moment on, in UTC." }))}
      ${field(form, { name: "max_concurrency", label: "Requests at a time", inputmode: "numeric", value: key.max_concurrency ?? "", placeholder: "no limit" })}</div>
    <fieldset class="choices"><legend>Models</legend>
      <label class="choice"><input type="radio" name="models" value="all" .checked=${!state.isLimited} @change=${limit(false)}><span><strong>All models</strong><span class="sub">Those added later too.</span></span></label>
      <label class="choice"><input type="radio" name="models" value="some" .checked=${state.isLimited} @change=${limit(true)}><span><strong>Only these</strong><span class="sub">Every other one is refused.</span></span></label>
      ${when(state.isLimited, () => modelChoice(state, key))}
      ${when(fault, () => html`<p class="field-error">${fault}</p>`)}</fieldset>`;
}

const initialExpiry = (key) => (key.expires_at ? "on" : "never");

function modelChoice(state, key) {
  if (state.modelsError) return html`<p class="field-error">The models could not be read: ${state.modelsError}</p>`;
  if (!state.models) return html`<p class="quiet">Loading the models…</p>`;
  const chosen = new Set(key.allowed_models ?? []);
  const names = [...new Set([...chosen, ...state.models])];
  return html`<div class="check-list">${names.map((name) => html`<label class="check"><input type="checkbox" name=${`model:${name}`} .checked=${chosen.has(name)}><span>${name}</span></label>`)}</div>`;
}

function typedKey(values, state) {
  const chosen = Object.entries(values).filter(([name, value]) => name.startsWith("model:") && value).map(([name]) => name.slice("model:".length));
  return { name: values.name, expiry: values.expiry, day: values.day, concurrency: values.max_concurrency, models: state.isLimited ? chosen : null };
}

async function loadModels(state, draw) {
  try {
    const { data } = await get(withQuery("/api/admin/models", { limit: MODELS_MAX }));
    state.models = data.map(({ key }) => key.toLowerCase());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    state.modelsError = error.message;
  }
  draw();
}
