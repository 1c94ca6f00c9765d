// The live edits as a patch of the files, to be committed: copied or downloaded. Nothing is written on the server.

import { ApiError, post } from "../../api.js";
import { copyButton } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { failure, skeletonRows } from "../../components/resource.js";
import { icon } from "../../components/icons.js";
import { html, when } from "../../html.js";

/** Show the patch for these entities (`model/gpt-main`), or for all. */
export async function showPatch(only = []) {
  const dialog = new Dialog({ kind: "wide" });
  const title = only.length === 1 ? `Patch for ${only[0]}` : "Patch for the files";
  dialog.show(title, skeletonRows(5));
  try {
    const made = await post("/api/admin/registry/export", only.length ? { only } : {});
    if (dialog.isOpen) dialog.show(title, view(made));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (dialog.isOpen)
      dialog.show(
        title,
        failure(error, () => {
          dialog.close();
          showPatch(only);
        }),
      );
  }
}

function view({ changed, patch, skipped }) {
  return html`${when(skipped.length, () => html`<div class="strip" data-tone="warn">${icon("warning")}<span>${skipped.map((one) => html`<span class="sub">${one}</span>`)}</span></div>`)}
  ${
    changed
      ? html`<p>Commit this to where the files are kept, and what was edited here is the file's own.</p>
          <pre class="diff" tabindex="0">
${patch.split("\n").map((line) => html`<span data-line=${kindOf(line)}>${line} </span>`)}</pre>
          <div class="actions end">
            ${copyButton(patch, "Copy patch", { quiet: false })}
            <button type="button" class="button" @click=${() => save(patch)}>${icon("download")}Download</button>
          </div>`
      : html`<p>The files say already what is live; there is nothing to commit.</p>`
  }`;
}

/** Which tone a line of a unified diff has. */
export function kindOf(line) {
  if (line.startsWith("+++") || line.startsWith("---")) return "file";
  if (line.startsWith("@@")) return "place";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "same";
}

function save(patch) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([patch], { type: "text/x-diff" }));
  link.download = "models.patch";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
