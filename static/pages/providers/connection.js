// The connection of a provider, with a test of what is saved, and the headers that go along.

import { Adding } from "../../documents/adding.js";
import { Check } from "../../documents/checks.js";
import { connectionFields } from "../../documents/connection.js";
import { ownedField } from "../../documents/owned-field.js";
import { html, when } from "../../html.js";

const HEADER = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

export function connectionTab(editor, { draw }) {
  const check = new Check(editor.path, draw);
  const added = [];
  const adding = new Adding(editor, draw, {
    summary: "Another header",
    button: "Add header",
    input: { name: "new-header", label: "Its name", placeholder: "x-team" },
    read: (text) => text.trim().toLowerCase(),
    faultOf: (name) => (HEADER.test(name) ? null : "Letters, digits and dashes, as in x-team."),
    add: (name) => added.push(`headers.${name}`),
  });
  const view = () => {
    const { draft } = editor;
    const headers = [
      ...new Set([
        ...Object.keys({ ...draft.original, ...draft.leaves }).filter((path) => path.startsWith("headers.")),
        ...added,
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
      ${adding.view()}
    </div>`;
  };
  return { view };
}

const header = (editor, path) =>
  ownedField(editor, path, { label: path.slice("headers.".length), hint: "Empty: not sent." });
