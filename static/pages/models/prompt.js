// The system prompt of a model: in place of the global one, before the client's own text or instead of it.

import { icon } from "../../components/icons.js";
import { ownedField } from "../../documents/owned-field.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";

const SENT_MAX = 10_000;
const MODES = [
  ["", "As in the settings"],
  ["prepend", "Before the client's own system text"],
  ["replace", "Instead of the client's own system text"],
];

const OFF = {
  label: "Add no prompt to this model's requests, not the global one either",
  type: "checkbox",
};
const TEXT = {
  label: "Prompt",
  type: "textarea",
  rows: 12,
  hint: "Empty: the global prompt of the settings is used.",
};
const MODE = { label: "Where it goes", type: "select", options: MODES };

export function promptTab(editor) {
  const view = () => {
    const { draft } = editor;
    const isOff = draft.flag("system_prompt.disabled");
    // As the server counts: characters, not UTF-16 units.
    const length = [...draft.text("system_prompt.text")].length;
    return html`<div class="stack">
      ${ownedField(editor, "system_prompt.disabled", OFF)}
      ${ownedField(editor, "system_prompt.text", { ...TEXT, disabled: isOff })}
      <p class="counter" data-over=${length > SENT_MAX} role="status">
        ${count(length)} of ${count(SENT_MAX)} characters ${when(length > SENT_MAX, () => cut(length - SENT_MAX))}
      </p>
      ${ownedField(editor, "system_prompt.mode", { ...MODE, disabled: isOff })}
      <p class="quiet">
        It is added only while the master switch in the <a href="/ui/settings">settings</a> is on; there is a preview of
        what is sent, too.
      </p>
    </div>`;
  };
  return { view };
}

const cut = (characters) =>
  html`<strong>${icon("warning")} The last ${count(characters)} are kept but not sent.</strong>`;
