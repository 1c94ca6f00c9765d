// The fields of what a user or a key may use at most, the same in every dialog that has them.

import { ApiError, get, withQuery } from "../../api.js";
import { field } from "../../components/forms.js";
import { html, when } from "../../html.js";
import { PERIODS } from "./limits.js";

const MODELS_MAX = 200;

/** What a dialog keeps of them while it is open; `one` is the user or key as it is, or nothing. */
export const limitState = (one = {}) => ({
  isLimited: (one.allowed_models ?? null) !== null,
  models: null,
  modelsError: null,
});

/** The names of the fields, for `form.summary`: their faults stand beside them. */
export const LIMIT_FIELDS = ["max_concurrency", "rpm", "tpm", "spend_limit", "spend_period", "allowed_models"];

/** The limits on numbers and money, for a `form-grid`. */
export const numberFields = (form, one) =>
  html` ${[
    ["max_concurrency", "Requests at a time"],
    ["rpm", "Requests a minute"],
    ["tpm", "Tokens a minute"],
  ].map(([name, label]) =>
    field(form, { name, label, inputmode: "numeric", value: one[name] ?? "", placeholder: "no limit" }),
  )}
  ${field(form, {
    name: "spend_limit",
    label: "Spend limit",
    prefix: "$",
    inputmode: "decimal",
    value: one.spend_limit ?? "",
    placeholder: "no limit",
  })}
  ${field(form, {
    name: "spend_period",
    label: "Spend period",
    type: "select",
    required: true,
    options: PERIODS,
    value: one.spend_period ?? "",
    hint: "Of the calendar, in UTC.",
  })}`;

/** All models, or only some. */
export function modelFields(form, state, one, draw) {
  const limit = (isLimited) => () => {
    state.isLimited = isLimited;
    draw();
  };
  const fault = form.faults.get("allowed_models");
  return html`<fieldset class="choices">
    <legend>Models</legend>
    <label class="choice"
      ><input type="radio" name="models" value="all" .checked=${!state.isLimited} @change=${limit(false)} /><span
        ><strong>All models</strong><span class="sub">Those added later too.</span></span
      ></label
    >
    <label class="choice"
      ><input type="radio" name="models" value="some" .checked=${state.isLimited} @change=${limit(true)} /><span
        ><strong>Only these</strong><span class="sub">Every other one is refused.</span></span
      ></label
    >
    ${when(state.isLimited, () => modelChoice(state, one))}
    ${when(fault, () => html`<p class="field-error">${fault}</p>`)}
  </fieldset>`;
}

function modelChoice(state, one) {
  if (state.modelsError) return html`<p class="field-error">The models could not be read: ${state.modelsError}</p>`;
  if (!state.models) return html`<p class="quiet">Loading the models…</p>`;
  const chosen = new Set(one.allowed_models ?? []);
  const names = [...new Set([...chosen, ...state.models])];
  return html`<div class="check-list">
    ${names.map(
      (name) =>
        html`<label class="check"
          ><input type="checkbox" name=${`model:${name}`} .checked=${chosen.has(name)} /><span>${name}</span></label
        >`,
    )}
  </div>`;
}

/** What was typed, as `limits.js` reads it. */
export function typedLimits(values, state) {
  const chosen = Object.entries(values)
    .filter(([name, value]) => name.startsWith("model:") && value)
    .map(([name]) => name.slice("model:".length));
  return { ...values, models: state.isLimited ? chosen : null };
}

/** Fetch the names to choose from; `draw` shows them. */
export async function loadModels(state, draw) {
  try {
    const { data } = await get(withQuery("/api/admin/models", { limit: MODELS_MAX }));
    state.models = data.map(({ key }) => key.toLowerCase());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    state.modelsError = error.message;
  }
  draw();
}
