// A field of a document with who owns it under it: the line of the file, what the file says, who changed it here.

import { copyButton, timeAgo } from "../components/bits.js";
import { field } from "../components/forms.js";
import { icon } from "../components/icons.js";
import { html, when } from "../html.js";
import { revert } from "./actions.js";
import { placeText } from "./marks.js";
import { groupOf, shownPath } from "./leaves.js";
import { fieldOf, isManaged, lockOf } from "./standing.js";
import { actorText, takeText, valueText } from "./words.js";

/** `options` as of `field`; the value, what is typed and the lock are the editor's. */
export function ownedField(editor, path, options) {
  const { draft } = editor;
  const isFlag = options.type === "checkbox";
  const oninput = (event) => {
    editor.type(path, isFlag ? event.target.checked : event.target.value);
    options.ontype?.(event.target.value);
  };
  const own = {
    name: path,
    value: isFlag ? draft.flag(path) : draft.text(path),
    disabled: lockOf(editor, path) !== null || Boolean(options.disabled),
    oninput,
  };
  return html`<div class="owned" data-changed=${draft.isChanged(path)} data-path=${path}>
    ${field(editor.fields, { ...options, ...own })} ${fieldNote(editor, path)}
  </div>`;
}

/** What there is to know of a field beside its value; nothing for what stands in no file and nobody typed into. */
function fieldNote(editor, path) {
  const lock = lockOf(editor, path);
  if (lock !== null) return lockNote(lock, editor.refused.get(path));
  const known = fieldOf(editor, path);
  const typed = when(editor.draft.isChanged(path), () => typedNote(editor, path));
  return known ? html`${typed}${standing(editor, path, known)}` : typed;
}

const note = (tone, iconName, text, action = "") =>
  html`<p class="note" data-tone=${tone}>${icon(iconName)}<span>${text}</span> ${action}</p>`;

/** `wanted` is what was typed before it was known that only the file may say it. */
function lockNote(place, wanted) {
  const where = place ? html` Edit ${placeText(place)}.` : "";
  const copy = wanted
    ? html`<span class="wanted">What you typed: ${copyButton(wanted, "Copy YAML", { quiet: false })}</span>`
    : "";
  return note("quiet", "lock", html`Only the file may change it.${where}`, copy);
}

function typedNote(editor, path) {
  const restore = html`<button type="button" class="link" @click=${() => editor.restore(path)}>Restore</button>`;
  return note("info", "edit", html`Not saved. It was ${value(path, editor.draft.original[path])}.`, restore);
}

/** What the file says of it, where, and who changed it here. */
function standing(editor, path, known) {
  const by = known.by ? html` · ${actorText(known.by)}, ${timeAgo(known.at)}` : "";
  const place = placeText(known.place);
  const said = value(path, known.yaml);
  if (known.state === "conflict") {
    const href = `/ui/registry?tab=conflicts&entity=${encodeURIComponent(`${editor.kind}.${editor.key}`)}`;
    const words = html`In conflict with the file, which said ${said} when it was applied last. ${place}`;
    return note("bad", "warning", words, html`<a class="link" href=${href}>Resolve</a>`);
  }
  if (known.state === "drifted") {
    const take = () => revert(editor, [shownPath(editor.kind, path)]);
    const button = html`<button type="button" class="link" @click=${take}>${takeText(groupOf(path))}</button>`;
    return note("warn", "edit", html`Changed here${by}. The file says ${said} ${place}`, button);
  }
  if (known.state === "held") return note("info", "pin", html`Held: files may not change it. ${place}`);
  if (known.state === "managed" && known.owner === "ui")
    return note("quiet", "pin", html`The file gave the first value; it is changed here. ${place}`);
  if (known.state === "managed") return note("quiet", "file", place);
  return isManaged(editor) && known.by ? note("quiet", "plus", html`Not in the file${by}`) : "";
}

const CHARACTERS_MAX = 60;

function value(path, said) {
  const text = valueText(path, said);
  const short = text.length > CHARACTERS_MAX ? `${text.slice(0, CHARACTERS_MAX)}…` : text;
  return html`<span class="strong">${short}</span>`;
}
