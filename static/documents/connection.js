// The fields of a connection: the format that is spoken, the address, and the key, typed once or named by a reference.

import { timeAgo } from "../components/bits.js";
import { html } from "../html.js";
import { shownPath } from "./leaves.js";
import { ownedField } from "./owned-field.js";

export const FORMATS = [
  ["openai", "OpenAI"],
  ["anthropic", "Anthropic"],
  ["openai_responses", "OpenAI Responses"],
  ["gemini", "Gemini"],
];

const URL_HINTS = {
  openai: "Ends where /chat/completions follows, such as https://api.openai.com/v1.",
  openai_responses: "Ends where /responses follows, such as https://api.openai.com/v1.",
  anthropic: "Ends where /v1/messages follows, such as https://api.anthropic.com.",
  gemini: "Ends where /v1beta/models follows, such as https://generativelanguage.googleapis.com.",
};

/** What an address of that format ends with. */
export const urlHint = (format) => URL_HINTS[format] ?? "The base that the format's path is added to.";

/** A key that is typed is hidden; the name of a reference is no secret. */
export const keyType = (text) => (text === "" || text.startsWith("$") ? "text" : "password");

export const KEY_HINT =
  "The key itself, which is encrypted and never shown again, or a reference: ${env:NAME}, ${file:/path}.";

const ADDRESS = { label: "Address", type: "url", required: true, placeholder: "https://" };

/** The three fields; `at(name)` gives the path of each. */
export function connectionFields(editor, at) {
  const { draft } = editor;
  const format = draft.text(at("api_format"));
  const formats = [...(format ? [] : [["", "Choose…"]]), ...FORMATS];
  const own = (name, options) => ownedField(editor, at(name), options);
  const key = {
    label: "API key",
    type: keyType(draft.text(at("api_key"))),
    placeholder: "${env:NAME} or the key",
    hint: KEY_HINT,
    autocomplete: "off",
  };
  return html`<div class="form-grid">
      ${own("api_format", { label: "Format", type: "select", options: formats, required: true })}
      ${own("api_url", { ...ADDRESS, hint: urlHint(format) })}
    </div>
    ${own("api_key", key)} ${kept(editor, at("api_key"))}`;
}

/** What is told of a key that was typed in: that it is there, by whom, when, and a fingerprint. */
function kept(editor, path) {
  const secret = editor.row.secrets?.[shownPath(editor.kind, path)];
  if (!secret || editor.draft.isChanged(path)) return "";
  if (!secret.set)
    return html`<p class="note" data-tone="bad">The key behind this reference is not kept. Type it again.</p>`;
  return html`<p class="note" data-tone="quiet">
    <span
      >Typed in by ${secret.created_by?.replace(/^admin:/, "") ?? "somebody"}, ${timeAgo(secret.rotated_at)}, for
      ${secret.host} only.
      ${secret.fingerprint ? html`Fingerprint <code>${secret.fingerprint}</code>.` : "It does not open on this server."}
      Type another one to replace it.</span
    >
  </p>`;
}
