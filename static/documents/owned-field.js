// A field of a document with who owns it under it: the line of the file, what the file says, who changed it here.

import { timeAgo } from "../components/bits.js";
import { field } from "../components/forms.js";
import { icon } from "../components/icons.js";
import { html, when } from "../html.js";
import { placeText } from "./marks.js";
import { groupOf, shownPath } from "./leaves.js";
import { actorText, takeText, valueText } from "./words.js";

/** `options` as of `field`; the value, what is typed and the lock are the editor's. */
export function ownedField(editor, path, options) {
  const { draft } = editor;
  const isFlag = options.type === "checkbox";
  const isLocked = editor.lockOf(path) !== null;
  const type = (event) => {
    editor.type(path, isFlag ? event.target.checked : event.target.value);
    options.ontype?.(event.target.value);
  };
  return html`<div class="owned" data-changed=${draft.isChanged(path)} data-path=${path}>
    ${field(editor.fields, { ...options, name: path, value: isFlag ? draft.flag(path) : draft.text(path), oninput: type, disabled: isLocked || Boolean(options.disabled) })}
    ${fieldNote(editor, path)}
  </div>`;
}

/** What there is to know of a field beside its value; nothing for what stands in no file and nobody typed into. */
export function fieldNote(editor, path) {
  const lock = editor.lockOf(path);
  const known = editor.fieldOf(path);
  if (lock !== null)
    return html`<p class="note" data-tone="quiet">
      ${icon("lock")}<span>Only the file may change it. ${lock ? html`Edit ${placeText(lock)}.` : ""}</span>
    </p>`;
  const typed = when(
    editor.draft.isChanged(path),
    () =>
      html`<p class="note" data-tone="info">
        ${icon("edit")}<span>Not saved. It was ${value(path, editor.draft.original[path])}.</span>
        <button type="button" class="link" @click=${() => editor.restore(path)}>Restore</button>
      </p>`,
  );
  if (!known) return typed;
  return html`${typed}${standing(editor, path, known)}`;
}

function standing(editor, path, known) {
  const by = known.by ? html` · ${actorText(known.by)}, ${timeAgo(known.at)}` : "";
  if (known.state === "conflict") {
    return html`<p class="note" data-tone="bad">
      ${icon("warning")}<span
        >In conflict with the file, which said ${value(path, known.yaml)} when it was applied last.
        ${placeText(known.place)}</span
      >
      <a class="link" href=${`/ui/registry?tab=conflicts&entity=${encodeURIComponent(`${editor.kind}.${editor.key}`)}`}
        >Resolve</a
      >
    </p>`;
  }
  if (known.state === "drifted") {
    return html`<p class="note" data-tone="warn">
      ${icon("edit")}<span>Changed here${by}. The file says ${value(path, known.yaml)} ${placeText(known.place)}</span>
      <button type="button" class="link" @click=${() => editor.revert([shownPath(editor.kind, path)])}>
        ${takeText(groupOf(path))}
      </button>
    </p>`;
  }
  if (known.state === "held")
    return html`<p class="note" data-tone="info">
      ${icon("pin")}<span>Held: files may not change it. ${placeText(known.place)}</span>
    </p>`;
  if (known.state === "managed") {
    return html`<p class="note" data-tone="quiet">
      ${known.owner === "ui" ? html`${icon("pin")}<span>The file gave the first value; it is changed here. ${placeText(known.place)}</span>` : html`${icon("file")}<span>${placeText(known.place)}</span>`}
    </p>`;
  }
  return editor.isManaged && known.by
    ? html`<p class="note" data-tone="quiet">${icon("plus")}<span>Not in the file${by}</span></p>`
    : "";
}

const CHARACTERS_MAX = 60;

function value(path, said) {
  const text = valueText(path, said);
  return html`<span class="strong">${text.length > CHARACTERS_MAX ? `${text.slice(0, CHARACTERS_MAX)}…` : text}</span>`;
}
