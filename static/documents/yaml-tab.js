// The document as models.yaml says it, and the patch that brings the file to what is live.

import { post } from "../api.js";
import { copyButton, snippet } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, show, skeletonRows } from "../components/resource.js";
import { html, when } from "../html.js";
import { diffBlock, skippedStrip } from "../pages/registry/patch.js";
import { exportLive } from "./adopt.js";
import { isManaged } from "./standing.js";
import { plain } from "./writes.js";
import { renderFragment } from "./yaml.js";

export function yamlTab(editor, { signal, draw }) {
  const name = `${editor.kind}/${editor.key}`;
  const patch = new Resource(
    { signal },
    (inner) =>
      isManaged(editor)
        ? post("/api/admin/registry/export", { only: [name] }, { signal: inner })
        : exportLive(editor, { signal: inner }),
    draw,
  );

  const title = () => (isManaged(editor) ? "What to commit" : "To have the file declare it");
  const yaml = () => renderFragment(`${editor.kind}s`, editor.key, plain(editor.kind, editor.row));

  const view = () =>
    html`<section class="stack">
      <h3>${title()}</h3>
      ${show(patch, { skeleton: skeletonRows(2), data: (made) => (made.changed ? diff(made) : nothingToCommit()) })}
      <h3>All of it, as the file writes it</h3>
      ${when(editor.isDirty, () => html`<p class="quiet">What is saved; your unsaved changes are not in it.</p>`)}
      ${snippet(yaml(), { label: "Copy YAML", title: "models.yaml" })}
    </section>`;
  return { view, enter: () => patch.load() };
}

const nothingToCommit = () =>
  html`<p class="strip" data-tone="good">${icon("check")}<span>The file says already what is live.</span></p>`;

function diff({ patch, skipped }) {
  return html`${skippedStrip(skipped)} ${diffBlock(patch)}
    <div class="actions">
      ${copyButton(patch, "Copy patch", { quiet: false })}
      <a class="button" href="/ui/registry?tab=drift">All that was changed here</a>
    </div>`;
}
