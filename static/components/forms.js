// Forms: labelled fields, faults beside the field that has them and in a summary, one write at a time.

import { ApiError } from "../api.js";
import { html, ifDefined, when } from "../html.js";

let number = 0;

/**
 * The state of one form. `submit(values)` writes; it may throw ApiError, whose faults are shown at the fields. `draw()`
 * shows the page anew. While it writes, the button is off and a second press does nothing.
 */
export class Form {
  #submit;
  #draw;
  error = null;
  faults = new Map();
  isBusy = false;

  constructor({ submit, draw }) {
    this.#submit = submit;
    this.#draw = draw;
    this.id = `form-${++number}`;
  }

  /** For `@submit`. */
  handle = async (event) => {
    event.preventDefault();
    if (this.isBusy) return;
    const form = event.target;
    this.isBusy = true;
    this.error = null;
    this.faults = new Map();
    this.#draw();
    try {
      await this.#submit(readForm(form), form);
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof FieldFaults)) throw error;
      this.error = error;
      this.faults = error.faults;
      requestAnimationFrame(() =>
        (form.querySelector("[aria-invalid=true]") ?? form.querySelector(".form-error"))?.focus(),
      );
    } finally {
      this.isBusy = false;
      this.#draw();
    }
  };

  /** The sentence over the fields; nothing while all is well. `names`: the fields that show their own faults. */
  summary(names = []) {
    if (!this.error) return "";
    // A fault that is the whole message is said once.
    const elsewhere = [...this.faults].filter(
      ([name, message]) => !names.includes(name) && message !== this.error.message,
    );
    return html`<div class="form-error" role="alert" tabindex="-1">
      <p>${this.faults.size && !elsewhere.length ? "Please mend the fields below." : this.error.message}</p>
      ${
        elsewhere.length
          ? html`<ul>
              ${elsewhere.map(([name, message]) => html`<li><strong>${name}</strong> ${message}</li>`)}
            </ul>`
          : ""
      }
      ${this.error.requestId ? html`<p class="quiet">Request ${this.error.requestId}</p>` : ""}
    </div>`;
  }

  /** The submit button, with what it does. */
  button(text, { kind = "primary", busy = "Saving…", disabled = false } = {}) {
    return html`<button type="submit" class="button" data-kind=${kind} ?disabled=${this.isBusy || disabled}>
      ${this.isBusy ? busy : text}
    </button>`;
  }
}

/** Faults found here, before anything is sent: a Map of field to the end of a sentence. */
export class FieldFaults extends Error {
  constructor(faults) {
    super("Please mend the fields below.");
    this.faults = new Map(Object.entries(faults));
    this.requestId = null;
  }
}

/** Every named control's value: text trimmed, boxes as booleans. */
export function readForm(form) {
  const values = {};
  for (const control of form.elements) {
    if (!control.name || control.disabled) continue;
    if (control.type === "checkbox") values[control.name] = control.checked;
    else if (control.type === "radio") {
      if (control.checked) values[control.name] = control.value;
    } else values[control.name] = control.tagName === "TEXTAREA" ? control.value : control.value.trim();
  }
  return values;
}

/**
 * A label, its control, a hint and its fault. `type` as of <input>, or "textarea", "select" (with `options`:
 * `[value, text]` pairs) or "checkbox". `prefix` and `suffix` stand inside the frame: "$", "per 1M".
 */
export function field(
  form,
  {
    name,
    label,
    type = "text",
    value = "",
    hint = "",
    options = [],
    prefix = "",
    suffix = "",
    required = false,
    placeholder,
    autocomplete = "off",
    inputmode,
    rows = 4,
    oninput = null,
    autofocus = false,
    disabled = false,
    maxlength,
  },
) {
  const id = `${form.id}-${name}`;
  const fault = form.faults.get(name);
  const described = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ") || undefined;
  const common = { id, name, invalid: fault ? "true" : "false", described };
  if (type === "checkbox") {
    return html`<div class="field check">
      <label
        ><input
          type="checkbox"
          id=${id}
          name=${name}
          .checked=${Boolean(value)}
          ?disabled=${disabled}
          aria-describedby=${ifDefined(described)}
          @change=${oninput} /><span>${label}</span></label
      >${notes(common, hint, fault)}
    </div>`;
  }
  const control =
    type === "textarea"
      ? html`<textarea
          id=${id}
          name=${name}
          rows=${rows}
          .value=${value ?? ""}
          ?required=${required}
          ?disabled=${disabled}
          placeholder=${ifDefined(placeholder)}
          aria-invalid=${common.invalid}
          aria-describedby=${ifDefined(described)}
          maxlength=${ifDefined(maxlength)}
          @input=${oninput}
          ?autofocus=${autofocus}></textarea>`
      : type === "select"
        ? html`<select
            id=${id}
            name=${name}
            ?disabled=${disabled}
            aria-invalid=${common.invalid}
            aria-describedby=${ifDefined(described)}
            @change=${oninput}>
            ${options.map(([key, text]) => html`<option value=${key} .selected=${key === value}>${text}</option>`)}
          </select>`
        : html`<input
            id=${id}
            name=${name}
            type=${type}
            .value=${value ?? ""}
            ?required=${required}
            ?disabled=${disabled}
            placeholder=${ifDefined(placeholder)}
            autocomplete=${autocomplete}
            inputmode=${ifDefined(inputmode)}
            aria-invalid=${common.invalid}
            aria-describedby=${ifDefined(described)}
            maxlength=${ifDefined(maxlength)}
            @input=${oninput}
            ?autofocus=${autofocus} />`;
  return html`<div class="field">
    <label for=${id}>${label}${required ? "" : html` <span class="optional">optional</span>`}</label>
    <span class="input" data-invalid=${common.invalid}>${affix(prefix)}${control}${affix(suffix)}</span>
    ${notes(common, hint, fault)}
  </div>`;
}

const affix = (text) => (text ? html`<span class="affix">${text}</span>` : "");

function notes({ id }, hint, fault) {
  return html`${when(hint, () => html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`)}
  ${when(fault, () => html`<p class="field-error" id=${`${id}-fault`}>${capital(fault)}</p>`)}`;
}

/** The server says the end of a sentence that begins with the field's name. */
function capital(text) {
  const said = text.charAt(0).toUpperCase() + text.slice(1);
  return said.endsWith(".") ? said : `${said}.`;
}
