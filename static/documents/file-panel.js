// Where a document stands between the files and live, what differs, and what can be done about it.

import { timeAgo } from "../components/bits.js";
import { Dialog, confirm } from "../components/dialog.js";
import { Form, field } from "../components/forms.js";
import { icon } from "../components/icons.js";
import { plural } from "../format.js";
import { html, when } from "../html.js";
import { askHold } from "../pages/registry/holds.js";
import { showPatch } from "../pages/registry/patch.js";
import { detach, liftHolds, revert } from "./actions.js";
import { exportLive } from "./adopt.js";
import { whoChanged } from "./authors.js";
import { groupOf, knownPath, leavesOf } from "./leaves.js";
import { placeText } from "./marks.js";
import { differences } from "./merge.js";
import { driftedFields } from "./standing.js";
import { actorText, labelOf, takeText, valueText } from "./words.js";

/** Nothing while all is in sync; else a panel that says what differs, with the actions. */
export function filePanel(editor, isOpen) {
  const { entity, row } = editor;
  const state = row.registry?.state;
  const view = { drifted, conflict, orphaned, held }[state];
  return view && entity ? view(editor, isOpen) : "";
}

function conflict(editor) {
  const href = `/ui/registry?tab=conflicts&entity=${encodeURIComponent(`${editor.kind}.${editor.key}`)}`;
  return html`<div class="strip" data-tone="bad" role="status">
    ${icon("warning")}<span
      ><strong>The file and a live edit changed the same field.</strong> Nothing of it is applied from the file until
      somebody decides.</span
    ><a class="button" href=${href}>Resolve the conflict</a>
  </div>`;
}

function orphaned(editor) {
  const adopt = () => showPatch([`${editor.kind}/${editor.key}`], () => exportLive(editor));
  return html`<div class="strip" data-tone="warn" role="status">
    ${icon("file")}<span
      ><strong>The file no longer declares it.</strong> It is served as before. Write it back into the file, or delete
      it.</span
    >
    <button type="button" class="button" @click=${adopt}>${icon("copy")}Patch for the file</button>
  </div>`;
}

function held(editor) {
  return html`<div class="strip" data-tone="info" role="status">
    ${icon("pin")}<span><strong>Held.</strong> Files may change nothing of it. ${editor.entity.held.join("; ")}</span>
    <button type="button" class="button" @click=${() => liftHolds(editor)}>Lift the hold</button>
  </div>`;
}

function drifted(editor, isOpen) {
  const fields = driftedFields(editor);
  const name = `${editor.kind}/${editor.key}`;
  const groups = fields.map(({ path }) => groupOf(knownPath(editor.kind, path)));
  // What changes together goes back together: one button for all of it.
  const isFirst = (at) => groups.indexOf(groups[at]) === at;
  const takeButton = ({ path }) =>
    html`<button type="button" class="link" @click=${() => revert(editor, [path])}>
      ${takeText(groupOf(knownPath(editor.kind, path)))}
    </button>`;
  return html`<details class="panel drift-panel" data-tone="warn" ?open=${isOpen && fields.length <= 4}>
    <summary>
      ${icon("edit")}<strong>${plural(fields.length, "field differs", "fields differ")} from the file</strong>
      ${placeText(editor.row.registry.place)}
    </summary>
    <ul class="drifted">
      ${fields.map(
        (one, at) =>
          html`<li>
            <span
              ><span class="strong">${labelOf(one.path)}</span>
              <span class="sub"
                >${one.by ? html`${actorText(one.by)}, ${timeAgo(one.at)} · ` : ""}${placeText(one.place)}</span
              ></span
            >
            <span class="from-to"
              ><s>${short(one, one.yaml)}</s> ${icon("right")} <strong>${short(one, one.value)}</strong></span
            >
            ${when(isFirst(at), () => takeButton(one))}
          </li>`,
      )}
    </ul>
    <p class="quiet">A live edit stays until you decide.</p>
    <div class="actions">
      <button type="button" class="button" data-kind="primary" @click=${() => showPatch([name])}>
        ${icon("copy")}Patch for the file
      </button>
      <button type="button" class="button" @click=${() => takeAll(editor, fields)}>
        ${icon("undo")}Take all from the file
      </button>
      <button type="button" class="button" @click=${() => askHold({ entity: name, done: () => editor.refresh() })}>
        ${icon("pin")}Keep…
      </button>
      <button type="button" class="button" @click=${() => askDetach(editor)}>Detach…</button>
    </div>
  </details>`;
}

const CHARACTERS_MAX = 80;

function short(field, value) {
  const text = valueText(field.path, value);
  return text.length > CHARACTERS_MAX ? `${text.slice(0, CHARACTERS_MAX)}…` : text;
}

async function takeAll(editor, fields) {
  const names = fields.map(({ path }) => labelOf(path)).join(", ");
  const isSure = await confirm({
    title: `Take all of ${editor.key} from the file?`,
    action: `Revert ${editor.key}`,
    text: `${names} will be what the file said when it was applied last. The edits stay in the history.`,
  });
  if (isSure) await revert(editor, []);
}

const REASON = { name: "reason", label: "Reason", required: true, autofocus: true, hint: "Stands in the history." };

/** Take it out of the file's hands, with a reason. */
function askDetach(editor) {
  const dialog = new Dialog();
  const draw = () => dialog.isOpen && open();
  const form = new Form({
    draw,
    submit: async ({ reason }) => {
      if (await detach(editor, reason)) dialog.close();
    },
  });
  const open = () =>
    dialog.show(
      `Detach ${editor.key}?`,
      html`<form class="stack" @submit=${form.handle}>
        ${form.summary(["reason"])}
        <p>
          The file no longer changes it. While the file still declares it, every apply is a conflict: take its stanza
          out of the file.
        </p>
        ${field(form, REASON)}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button
          >${form.button(`Detach ${editor.key}`, { busy: "Detaching…" })}
        </div>
      </form>`,
    );
  open();
}

/** "Changed meanwhile": what was typed stays, until it was looked at. */
export function meanwhileStrip(editor) {
  return when(editor.meanwhile, () => {
    const { row, entity } = editor.meanwhile;
    const { original } = editor.draft;
    const theirs = leavesOf(editor.kind, row);
    const who = whoChanged(editor.kind, { original, theirs }, entity);
    const paths = differences(original, theirs, original).map(({ path }) => labelOf(path));
    return html`<div class="strip" data-tone="warn" role="status">
      ${icon("warning")}<span
        ><strong>Changed meanwhile</strong
        >${who ? html` by ${who.name}, ${timeAgo(who.at)}` : ""}${paths.length ? `: ${paths.join(", ")}` : ""}. What you
        typed is untouched.</span
      >
      <button type="button" class="button" @click=${() => editor.reviewNow()}>Review</button>
    </div>`;
  });
}
