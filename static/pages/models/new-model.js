// A new model: what clients call it, who serves it, and what it costs, if that is known already.

import { ApiError, put } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { KEY_HINT, FORMATS, keyType, urlHint } from "../../documents/connection.js";
import { keyFault, keyOf, priceFault, priceOf, priceWarning } from "../../documents/values.js";
import { html, when } from "../../html.js";

const RATES = [
  ["input", "Input"],
  ["output", "Output"],
  ["cached_input", "Cached input"],
  ["cache_write", "Cache write"],
];
const COSTS = [
  ["priced", "Costs money"],
  ["free", "Free"],
  ["later", "Say later"],
];
const OWN = "";
const NAMES = [
  "display_name",
  "key",
  "provider",
  "actual_model",
  "api_format",
  "api_url",
  "api_key",
  ...RATES.map(([name]) => name),
  "pricing",
];

/** `providers` are the rows there are; `done(row)` gets what was made. */
export function openNewModel({ providers, signal, done }) {
  const dialog = new Dialog({ signal, canClose: () => isMade || !form.isBusy });
  let isMade = false;
  const typed = {
    display_name: "",
    key: "",
    provider: providers[0]?.key ?? OWN,
    actual_model: "",
    api_format: "openai",
    api_url: "",
    api_key: "",
    cost: "priced",
  };
  let isKeyTyped = false;
  const draw = () => dialog.isOpen && open();
  const type = (name) => (event) => {
    typed[name] = event.target.value;
    if (name === "key") isKeyTyped = true;
    if (name === "display_name" && !isKeyTyped) typed.key = keyOf(typed.display_name);
    draw();
  };
  const form = new Form({
    draw,
    submit: async () => {
      check(typed);
      try {
        const row = await put(`/api/admin/models/${encodeURIComponent(typed.key)}`, documentOf(typed));
        isMade = true;
        dialog.close();
        done(row);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 428) throw new FieldFaults({ key: "There is a model with this key already." });
        error.faults = new Map([...error.faults].map(([path, message]) => [path.replace(/^pricing\./, ""), message]));
        throw error;
      }
    },
  });
  const own = (name, options) => field(form, { name, value: typed[name] ?? "", oninput: type(name), ...options });
  const charge = (how) => {
    typed.cost = how;
    draw();
  };
  const open = () =>
    dialog.show(
      "New model",
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${form.summary(NAMES)}
        <div class="form-grid">
          ${own("display_name", { label: "Name", required: true, autofocus: true, hint: "What clients send." })}
          ${own("key", { label: "Key", required: true, hint: "Its name in models.yaml. It cannot be changed later." })}
        </div>
        <div class="form-grid">
          ${own("provider", { label: "Provider", type: "select", required: true, options: choices(providers) })}
          ${own("actual_model", { label: "Model there", hint: "What the provider calls it. Empty: the same name." })}
        </div>
        ${when(typed.provider === OWN, () => address(own, typed))}
        <fieldset class="stack tight">
          <legend class="strong">Price</legend>
          <div class="segments" role="group" aria-label="Price">
            ${COSTS.map(
              ([name, text]) =>
                html`<button type="button" aria-pressed=${typed.cost === name} @click=${() => charge(name)}>
                  ${text}
                </button>`,
            )}
          </div>
          ${prices(own, typed)}
        </fieldset>
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button
          >${form.button("Create model", { busy: "Creating…" })}
        </div>
      </form>`,
    );
  open();
}

const choices = (providers) => [
  ...providers.map(({ key, api_format: format }) => [key, `${key} (${format})`]),
  [OWN, "An address of its own"],
];

function address(own, { api_format: format, api_key: key }) {
  const url = { label: "Address", type: "url", required: true, placeholder: "https://", hint: urlHint(format) };
  return html`<div class="form-grid">
      ${own("api_format", { label: "Format", type: "select", required: true, options: FORMATS })} ${own("api_url", url)}
    </div>
    ${own("api_key", { label: "API key", type: keyType(key), hint: KEY_HINT })}`;
}

function prices(own, typed) {
  if (typed.cost === "later")
    return html`<p class="quiet">
      Until it has a price it is neither served nor listed. It waits under “Needs price”.
    </p>`;
  if (typed.cost === "free") return html`<p class="quiet">Requests are served and cost nothing.</p>`;
  const rate = ([name, label]) => {
    const required = isRequired(name);
    const hint = required ? "" : "Empty: as input.";
    return own(name, { label, prefix: "$", suffix: "/ 1M", inputmode: "decimal", required, hint });
  };
  return html`<div class="form-grid">${RATES.map(rate)}</div>
    ${warning(typed)}`;
}

const isRequired = (name) => name === "input" || name === "output";

function warning(typed) {
  const said = priceWarning(Object.fromEntries(RATES.map(([name]) => [name, priceOf(typed[name] ?? "") || null])));
  return said ? html`<p class="note" data-tone="warn"><span>${said}</span></p>` : "";
}

function check(typed) {
  const faults = {};
  if (!typed.display_name.trim()) faults.display_name = "A name is needed.";
  const key = keyFault(typed.key);
  if (key) faults.key = key;
  if (typed.provider === OWN && !typed.api_url.trim()) faults.api_url = "An address is needed.";
  if (typed.cost === "priced") {
    for (const [name] of RATES) {
      const fault = priceFault(typed[name] ?? "", { isRequired: isRequired(name), dimension: name });
      if (fault) faults[name] = fault;
    }
  }
  if (Object.keys(faults).length) throw new FieldFaults(faults);
}

function documentOf(typed) {
  const document = { display_name: typed.display_name.trim() };
  if (typed.actual_model.trim()) document.actual_model = typed.actual_model.trim();
  if (typed.provider !== OWN) document.provider = typed.provider;
  else {
    Object.assign(document, { api_format: typed.api_format, api_url: typed.api_url.trim() });
    if (typed.api_key.trim()) document.api_key = typed.api_key.trim();
  }
  if (typed.cost === "free") document.pricing = { free: true };
  if (typed.cost === "priced") {
    document.pricing = Object.fromEntries(
      RATES.filter(([name]) => priceOf(typed[name] ?? "")).map(([name]) => [name, priceOf(typed[name])]),
    );
  }
  return document;
}
