// Who serves a model: one upstream or several, tried by priority and spread by weight.

import { badge } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { Adding } from "../../documents/adding.js";
import { Check } from "../../documents/checks.js";
import { connectionFields } from "../../documents/connection.js";
import { upstreamPath } from "../../documents/leaves.js";
import { ownedField } from "../../documents/owned-field.js";
import { keyFault } from "../../documents/values.js";
import { html, when } from "../../html.js";

const OWN = "";
const ONE = "Add a second upstream to fail over to it, or to spread requests.";
const SEVERAL =
  "The lowest priority is tried first; the next only when it fails. Within a priority, those that speak the client's " +
  "own format come first, then weight spreads.";

/** `providers()` are the rows of the providers that there are. */
export function upstreamsTab(providers) {
  return (editor, { draw }) => {
    const check = new Check(editor.path, draw);
    const adding = newUpstream(editor, providers, draw);
    const view = () => {
      const keys = editor.draft.upstreams;
      return html`<div class="stack">
        <div class="toolbar">
          <p class="quiet">${keys.length > 1 ? SEVERAL : ONE}</p>
          <span class="push"></span>${check.button()}
        </div>
        ${when(editor.isDirty && check.results, () => html`<p class="quiet">The test asked what is saved.</p>`)}
        ${check.view()}
        ${keys.map((key) => upstream(editor, key, { providers: providers(), isAlone: keys.length === 1, draw }))}
        ${adding.view()} ${when(keys.length > 1, () => retrying(editor))}
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
  const own = (name, options) => ownedField(editor, at(name), options);
  const there = draft.text("display_name") || editor.key;
  const isTried = !isAlone || key !== "default" || draft.text(at("priority")) !== "0";
  return html`<fieldset class="upstream" aria-label=${`Upstream ${key}`}>
    <header>
      <h3>${isAlone && key === "default" ? "Served by" : key}</h3>
      ${draft.flag(at("enabled")) ? "" : badge("Taken out", "quiet", "pause")}<span class="push"></span>
      ${when(!isAlone, () => removeButton(key, drop))}
    </header>
    <div class="form-grid">
      ${own("provider", { label: "Provider", type: "select", options: choices, required: true, ontype: settle })}
      ${own("actual_model", { label: "Model there", hint: `What the provider is asked for. Empty: ${there}.` })}
    </div>
    ${when(provider === OWN, () => connectionFields(editor, at))} ${when(isTried, () => order(own))}
  </fieldset>`;
}

const removeButton = (key, drop) =>
  html`<button type="button" class="button" aria-label=${`Remove upstream ${key}`} @click=${drop}>
    ${icon("trash")}Remove
  </button>`;

/** When it is called, among the others. */
const order = (own) =>
  html`<div class="form-grid">
      ${own("priority", { label: "Priority", inputmode: "numeric", required: true, hint: "0 is tried first." })}
      ${own("weight", { label: "Weight", inputmode: "numeric", required: true, hint: "0 drains it." })}
    </div>
    ${own("enabled", { label: "Takes requests", type: "checkbox" })}`;

function newUpstream(editor, providers, draw) {
  return new Adding(editor, draw, {
    summary: "Another upstream",
    button: "Add upstream",
    input: { name: "new-upstream", label: "Its name here", placeholder: "spare" },
    faultOf: (key) => keyFault(key) ?? (editor.draft.upstreams.includes(key) ? "There is one of that name." : null),
    add: (key) => {
      const { draft } = editor;
      draft.addUpstream(key, { provider: providers()[0]?.key ?? "", priority: String(draft.upstreams.length) });
    },
  });
}

const RETRYING = {
  "routing.max_attempts": {
    label: "Attempts",
    inputmode: "numeric",
    hint: "Calls for one request at most. Empty: 3.",
  },
  "routing.retry_on": {
    label: "Retry on",
    placeholder: "429, 5xx, timeout",
    hint: "Divided by commas. Empty: 429, 5xx, timeout.",
  },
  "routing.cooldown": {
    label: "Cooldown",
    placeholder: "30s",
    hint: "How long a failing one is passed over. Empty: 30s.",
  },
};

const retrying = (editor) =>
  html`<details class="more-fields">
    <summary>When one fails</summary>
    <div class="form-grid">${Object.entries(RETRYING).map(([path, options]) => ownedField(editor, path, options))}</div>
  </details>`;
