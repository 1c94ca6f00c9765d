// The live edits as a patch of the files, to be committed: copied or downloaded. Nothing is written on the server.

import { ApiError, post } from "../../api.js";
import { copyButton } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { failure, skeletonRows } from "../../components/resource.js";
import { icon } from "../../components/icons.js";
import { html, when } from "../../html.js";
import { saveText } from "../../saving.js";

const exported = (only) => post("/api/admin/registry/export", only.length ? { only } : {});

/** Show the patch for these entities (`model/gpt-main`), or for all; `make()` gives it where it is another one. */
export async function showPatch(only = [], make = () => exported(only)) {
  const dialog = new Dialog({ kind: "wide" });
  const title = only.length === 1 ? `Patch for ${only[0]}` : "Patch for the files";
  const again = () => {
    dialog.close();
    showPatch(only, make);
  };
  dialog.show(title, skeletonRows(5));
  try {
    const made = await make();
    if (dialog.isOpen) dialog.show(title, view(made));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (dialog.isOpen) dialog.show(title, failure(error, again));
  }
}

function view({ changed, patch, skipped }) {
  if (!changed)
    return html`${skippedStrip(skipped)}
      <p>The files say already what is live; there is nothing to commit.</p>`;
  return html`${skippedStrip(skipped)}
    <p>Commit this to where the files are kept, and what was edited here is the file's own.</p>
    ${diffBlock(patch)}
    <div class="actions end">
      ${copyButton(patch, "Copy patch", { quiet: false })}
      <button type="button" class="button" @click=${() => saveText(patch, "models.patch", "text/x-diff")}>
        ${icon("download")}Download
      </button>
    </div>`;
}

/** What could not be said as a patch, and why. */
export function skippedStrip(skipped) {
  return when(
    skipped.length,
    () =>
      html`<div class="strip" data-tone="warn">
        ${icon("warning")}<span>${skipped.map((one) => html`<span class="sub">${one}</span>`)}</span>
      </div>`,
  );
}

/** A unified diff, line by line. */
export function diffBlock(patch) {
  const lines = patch.trimEnd().split("\n");
  return html`<pre class="diff" tabindex="0">
${lines.map((line) => html`<span data-line=${kindOf(line)}>${line} </span>`)}</pre>`;
}

/** Which tone a line of a unified diff has. */
function kindOf(line) {
  if (line.startsWith("+++") || line.startsWith("---")) return "file";
  if (line.startsWith("@@")) return "place";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "same";
}
