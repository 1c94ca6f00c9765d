// One entry of the audit log, all of it: who, when, from where, by which request, and every field that changed.

import { withQuery } from "../../api.js";
import { at, code, copyButton, facts } from "../../components/bits.js";
import { changeList } from "../../components/changes.js";
import { actorText } from "../../documents/words.js";
import { html, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { FIELD_WORDS, sentence } from "./columns.js";
import { noteOf } from "./sentences.js";

export function entryView(entry) {
  const { at: time, actor, action, target, request_id: request, address, before, after } = entry;
  const note = noteOf(entry, preferences.zone);
  return html`<p>${sentence(entry)}${note ? html`<span class="sub">${note}</span>` : ""}</p>
    ${facts([
      ["Who", html`<a href=${withQuery("/ui/audit", { actor })}>${actorText(actor)}</a>`],
      ["When", at(time)],
      ["Kept as", html`<code>${action}</code> of <code>${target}</code>`],
      ["History", html`<a href=${withQuery("/ui/audit", { target })}>All that was done to it</a>`],
      ["From address", address ?? "–"],
      ["Request", request ? code(request, "Copy the request id") : "–"],
    ])}
    ${when(
      before !== null || after !== null,
      () =>
        html`<section class="stack tight">
          <h3>What changed</h3>
          ${changeList(before, after, FIELD_WORDS)}
        </section>`,
    )}
    <div class="actions">${copyButton(JSON.stringify(entry, null, 2), "Copy as JSON", { quiet: false })}</div>`;
}
