// The table of the audit log: when, by whom, what was done to what, and what it changed. The same wherever it stands.

import { at } from "../../components/bits.js";
import { changeSummary } from "../../components/changes.js";
import { actorText } from "../../documents/words.js";
import { html } from "../../html.js";
import { preferences } from "../../preferences.js";
import { fieldLabel, fieldText } from "./fields.js";
import { noteOf, sentenceOf } from "./sentences.js";

/** How fields and values are called, for `changes.js`. */
export const FIELD_WORDS = {
  label: (path) => fieldLabel(path) || "Value",
  text: (path, value) => fieldText(path, value, preferences.zone),
};

export const AUDIT_COLUMNS = [
  { name: "at", label: "When", primary: true, render: ({ at: time }) => at(time) },
  { name: "actor", label: "Who", render: ({ actor }) => html`<span title=${actor}>${actorText(actor)}</span>` },
  { name: "done", label: "What was done", render: sentence },
  { name: "changes", label: "Changes", render: changes },
];

/** "Credited $5.00 to Ada", where Ada is a link. */
export function sentence(entry) {
  const { lead, object, href, tone } = sentenceOf(entry);
  const name = object === null ? "" : href ? html` <a href=${href}>${object}</a>` : html` <strong>${object}</strong>`;
  return html`<span class="deed" data-tone=${tone}>${lead}</span>${name}`;
}

function changes(entry) {
  const note = noteOf(entry, preferences.zone);
  if (note === "") return html`<span class="quiet">–</span>`;
  return note ?? changeSummary(entry.before, entry.after, FIELD_WORDS);
}
