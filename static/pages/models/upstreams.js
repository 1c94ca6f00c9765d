// Who serves a model: one upstream or several, tried by priority and spread by weight.

import { badge } from "../../components/bits.js";
import { field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { Check } from "../../documents/checks.js";
import { connectionFields } from "../../documents/connection.js";
import { upstreamPath } from "../../documents/leaves.js";
import { ownedField } from "../../documents/owned-field.js";
import { keyFault } from "../../documents/values.js";
import { html, when } from "../../html.js";

const OWN = "";

/** `providers()` are the rows of the providers that there are. */
export function upstreamsTab(providers) {
  return (editor, { draw }) => {
    const check = new Check(editor.path, draw);
    const state = { key: "" };
    const view = () => {
      const keys = editor.draft.upstreams;
      return html`<div class="stack">
        <div class="toolbar">
          <p class="quiet">
            ${keys.length > 1 ? "The lowest priority is tried first; the next only when it fails. Within a priority, those that speak the client's own format come first, then weight spreads." : "Add a second upstream to fail over to it, or to spread requests."}
          </p>
          <span class="push"></span>${check.button()}
        </div>
        ${when(editor.isDirty && check.results, () => html`<p class="quiet">The test asked what is saved.</p>`)}
        ${check.view()}
        ${keys.map((key) => upstream(editor, key, { providers: providers(), isAlone: keys.length === 1, draw }))}
        ${add(editor, state, providers(), draw)} ${when(keys.length > 1, () => retrying(editor))}
      </div>`;
    };
    return { view };
  };
}

function upstream(editor, key, { providers, isAlone, draw }) {
  const { draft } = editor;
  const at = (name) => upstreamPath(key, name);
  const provider = draft.text(at("provider"));
  const known = providers.map((one) => [one.key, `${one.key} (${one.api_format})`]);
  const choices = [
    ...(provider && !known.some(([name]) => name === provider) ? [[provider, `${provider} (not there)`]] : []),
    ...known,
    [OWN, "An address of its own"],
  ];
  const drop = () => {
    draft.dropUpstream(key);
    draw();
  };
  const settle = (chosen) => {
    // The fields of the other way are cleared, not sent along.
    if (chosen !== OWN) for (const name of ["api_format", "api_url", "api_key"]) draft.type(at(name), "");
    draw();
  };
  return html`<fieldset class="upstream" aria-label=${`Upstream ${key}`}>
    <header>
      <h3>${isAlone && key === "default" ? "Served by" : key}</h3>
      ${draft.flag(at("enabled")) ? "" : badge("Taken out", "quiet", "pause")}<span class="push"></span>
      ${when(!isAlone, () => html`<button type="button" class="button" aria-label=${`Remove upstream ${key}`} @click=${drop}>${icon("trash")}Remove</button>`)}
    </header>
    <div class="form-grid">
      ${ownedField(editor, at("provider"), { label: "Provider", type: "select", options: choices, required: true, ontype: settle })}
      ${ownedField(editor, at("actual_model"), { label: "Model there", hint: `What the provider is asked for. Empty: ${draft.text("display_name") || editor.key}.` })}
    </div>
    ${when(provider === OWN, () => connectionFields(editor, at))}
    ${when(
      !isAlone || key !== "default" || draft.text(at("priority")) !== "0",
      () =>
        html`<div class="form-grid">
            ${ownedField(editor, at("priority"), { label: "Priority", inputmode: "numeric", required: true, hint: "0 is tried first." })}
            ${ownedField(editor, at("weight"), { label: "Weight", inputmode: "numeric", required: true, hint: "0 drains it." })}
          </div>
          ${ownedField(editor, at("enabled"), { label: "Takes requests", type: "checkbox" })}`,
    )}
  </fieldset>`;
}

function add(editor, state, providers, draw) {
  const { draft } = editor;
  const fault = state.key
    ? (keyFault(state.key) ?? (draft.upstreams.includes(state.key) ? "There is one of that name." : null))
    : null;
  const make = () => {
    draft.addUpstream(state.key, { provider: providers[0]?.key ?? "", priority: String(draft.upstreams.length) });
    state.key = "";
    draw();
  };
  const faults = new Map(fault ? [["new-upstream", fault]] : []);
  const type = (event) => {
    state.key = event.target.value.trim();
    draw();
  };
  return html`<details class="add-upstream">
    <summary>Another upstream</summary>
    <div class="toolbar">
      ${field({ id: editor.form.id, faults }, { name: "new-upstream", label: "Its name here", value: state.key, placeholder: "spare", required: true, oninput: type })}
      <button type="button" class="button" ?disabled=${!state.key || fault !== null} @click=${make}>
        ${icon("plus")}Add upstream
      </button>
    </div>
  </details>`;
}

function retrying(editor) {
  const own = (path, options) => ownedField(editor, path, options);
  return html`<details class="more-fields">
    <summary>When one fails</summary>
    <div class="form-grid">
      ${own("routing.max_attempts", { label: "Attempts", inputmode: "numeric", hint: "Calls for one request at most. Empty: 3." })}
      ${own("routing.retry_on", { label: "Retry on", placeholder: "429, 5xx, timeout", hint: "Divided by commas. Empty: 429, 5xx, timeout." })}
      ${own("routing.cooldown", { label: "Cooldown", placeholder: "30s", hint: "How long a failing one is passed over. Empty: 30s." })}
    </div>
  </details>`;
}
