// One thing to copy: a block of text, or the fields of a form. What is seen may hide the key; what is copied does not.

import { copyButton, snippet } from "../../components/bits.js";
import { html } from "../../html.js";

export function snippetBlock(seen, real) {
  if (seen.text !== undefined) return snippet(seen.text, { title: seen.title, copied: real.text });
  return html`<section class="panel">
    <h2>${seen.title}</h2>
    <dl class="facts">
      ${seen.fields.map(
        ([name, value], at) =>
          html`<div>
            <dt>${name}</dt>
            <dd>
              <span class="code-line"><code>${value}</code>${copyButton(real.fields[at][1], `Copy ${name}`)}</span>
            </dd>
          </div>`,
      )}
    </dl>
  </section>`;
}
