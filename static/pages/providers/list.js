// The table of providers: the address, how its key is named, what it serves, and whether it answers.

import { withQuery } from "../../api.js";
import { badge } from "../../components/bits.js";
import { table } from "../../components/table.js";
import { FORMATS } from "../../documents/connection.js";
import { placeText, stateBadge } from "../../documents/marks.js";
import { html } from "../../html.js";

const FORMAT_NAMES = Object.fromEntries(FORMATS);

/** `modelsOf` and `missingOf` as of the drawer; `resultOf(key)` is what its last test said, `test(row)` asks anew. */
export function providerTable(rows, { open, hrefOf, modelsOf, missingOf, resultOf, test }) {
  const address = ({ api_url: url, api_format: format }) =>
    html`<code class="address">${url}</code><span class="sub">${FORMAT_NAMES[format] ?? format}</span>`;
  const models = ({ key }) =>
    html`<a class="plain" href=${withQuery("/ui/models", { provider: key })}>${modelsOf(key).length}</a>`;
  const file = ({ registry }) =>
    html`${stateBadge(registry?.state)}<span class="sub">${placeText(registry?.place)}</span>`;
  return table({
    caption: "Providers",
    rows,
    keyOf: (row) => row.key,
    open,
    hrefOf,
    columns: [
      { name: "key", label: "Provider", primary: true, render: (row) => row.key },
      { name: "url", label: "Address", render: address },
      { name: "api_key", label: "API key", render: (row) => keyCell(row, missingOf(row.key)) },
      { name: "models", label: "Models", align: "end", render: models },
      { name: "test", label: "Answers", render: (row) => testCell(resultOf(row.key), () => test(row)) },
      { name: "file", label: "File", render: file },
    ],
  });
}

/** How its key is named, and whether it is to be had. */
function keyCell(row, missing) {
  if (!row.api_key) return html`<span class="quiet">none is sent</span>`;
  const secret = row.secrets?.api_key;
  const name = secret
    ? html`typed in${secret.fingerprint ? html` <code class="place">${secret.fingerprint}</code>` : ""}`
    : html`<code>${row.api_key}</code>`;
  return missing || secret?.set === false
    ? html`${badge("Missing", "bad", "key")}<span class="sub" title=${missing?.reason ?? ""}
          >${missing ? html`<code>${row.api_key}</code>` : "type it again"}</span
        >`
    : name;
}

function testCell(result, test) {
  const button = html`<button
    type="button"
    class="button test-now"
    data-kind="quiet"
    ?disabled=${Boolean(result?.isBusy)}
    @click=${test}>
    ${result?.isBusy ? "Asking…" : result ? "Again" : "Test now"}
  </button>`;
  if (!result || result.isBusy) return button;
  return html`<span role="status"
      >${badge(result.ok ? "Answers" : "Fails", result.ok ? "good" : "bad", result.ok ? "check" : "error")}</span
    >
    ${button}<span class="sub">${result.message}</span>`;
}
