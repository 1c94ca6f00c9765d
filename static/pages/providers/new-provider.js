// A new provider: the format that it speaks, its address, and the key, typed once or named by a reference.

import { ApiError, put } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { FORMATS, KEY_HINT, keyType, urlHint } from "../../documents/connection.js";
import { keyFault } from "../../documents/values.js";
import { html } from "../../html.js";

const KNOWN = [
  { key: "openai", api_format: "openai", api_url: "https://api.openai.com/v1" },
  { key: "anthropic", api_format: "anthropic", api_url: "https://api.anthropic.com" },
];

const KEY = {
  label: "Key",
  required: true,
  autofocus: true,
  placeholder: "openai",
  hint: "Its name in models.yaml. It cannot be changed later.",
};
const ADDRESS = { label: "Address", type: "url", required: true, placeholder: "https://" };
const API_KEY = {
  label: "API key",
  placeholder: "${env:NAME} or the key",
  hint: `${KEY_HINT} It goes to this address only.`,
};

/** `done(row)` gets what was made. */
export function openNewProvider({ signal, done, onclose }) {
  const dialog = new Dialog({ signal, onclose, canClose: () => isMade || !form.isBusy });
  let isMade = false;
  const typed = { key: "", api_format: "openai", api_url: "", api_key: "" };
  const draw = () => dialog.isOpen && open();
  const type = (name) => (event) => {
    typed[name] = event.target.value;
    draw();
  };
  const form = new Form({
    draw,
    submit: async () => {
      const faults = {};
      if (keyFault(typed.key)) faults.key = keyFault(typed.key);
      if (!typed.api_url.trim()) faults.api_url = "An address is needed.";
      if (Object.keys(faults).length) throw new FieldFaults(faults);
      try {
        const document = {
          api_format: typed.api_format,
          api_url: typed.api_url.trim(),
          ...(typed.api_key.trim() ? { api_key: typed.api_key.trim() } : {}),
        };
        const row = await put(`/api/admin/providers/${encodeURIComponent(typed.key)}`, document);
        isMade = true;
        dialog.close();
        done(row);
      } catch (error) {
        if (error instanceof ApiError && error.status === 428)
          throw new FieldFaults({ key: "There is a provider with this key already." });
        throw error;
      }
    },
  });
  const fill = (known) => () => {
    Object.assign(typed, known);
    draw();
  };
  const own = (name, options) => field(form, { name, value: typed[name], oninput: type(name), ...options });
  const open = () =>
    dialog.show(
      "New provider",
      html`<form class="stack" novalidate @submit=${form.handle}>
        ${form.summary(["key", "api_format", "api_url", "api_key"])}
        <div class="toolbar">
          <span class="quiet">Fill in for</span>${KNOWN.map((known) => fillButton(known, fill))}
        </div>
        ${own("key", KEY)}
        <div class="form-grid">
          ${own("api_format", { label: "Format", type: "select", required: true, options: FORMATS })}
          ${own("api_url", { ...ADDRESS, hint: urlHint(typed.api_format) })}
        </div>
        ${own("api_key", { ...API_KEY, type: keyType(typed.api_key) })}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button
          >${form.button("Add provider", { busy: "Saving…" })}
        </div>
      </form>`,
    );
  open();
}

const fillButton = (known, fill) =>
  html`<button type="button" class="button" @click=${fill(known)}>${known.key}</button>`;
