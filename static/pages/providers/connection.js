// The connection of a provider, with a test of what is saved, and the headers that go along.

import { field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { Check } from "../../documents/checks.js";
import { connectionFields } from "../../documents/connection.js";
import { ownedField } from "../../documents/owned-field.js";
import { html, when } from "../../html.js";

const HEADER = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

export function connectionTab(editor, { draw }) {
  const check = new Check(editor.path, draw);
  const state = { name: "", added: [] };
  const view = () => {
    const { draft } = editor;
    const headers = [
      ...new Set([
        ...Object.keys({ ...draft.original, ...draft.leaves }).filter((path) => path.startsWith("headers.")),
        ...state.added,
      ]),
    ];
    return html`<div class="stack">
      <div class="toolbar">
        ${check.button()}${check.view()}
        ${when(editor.isDirty && check.results, () => html`<span class="quiet">The test asked what is saved.</span>`)}
      </div>
      ${connectionFields(editor, (name) => name)}
      <h3>Headers</h3>
      ${
        headers.length
          ? html`<div class="form-grid">${headers.map((path) => header(editor, path))}</div>`
          : html`<p class="quiet">None are sent beside the key.</p>`
      }
      ${add(editor, state, draw)}
    </div>`;
  };
  return { view };
}

const header = (editor, path) =>
  ownedField(editor, path, { label: path.slice("headers.".length), hint: "Empty: not sent." });

function add(editor, state, draw) {
  const make = () => {
    state.added.push(`headers.${state.name}`);
    state.name = "";
    draw();
  };
  const type = (event) => {
    state.name = event.target.value.trim().toLowerCase();
    draw();
  };
  const name = {
    name: "new-header",
    label: "Its name",
    value: state.name,
    placeholder: "x-team",
    required: true,
    oninput: type,
  };
  return html`<details class="add-upstream">
    <summary>Another header</summary>
    <div class="toolbar">
      ${field({ id: editor.form.id, faults: new Map() }, name)}
      <button type="button" class="button" ?disabled=${!HEADER.test(state.name)} @click=${make}>
        ${icon("plus")}Add header
      </button>
    </div>
  </details>`;
}
