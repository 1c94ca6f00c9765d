// One model in a drawer: details, prices, upstreams, prompt, history and YAML.

import { withQuery } from "../../api.js";
import { badge, copyButton } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { removeDocument } from "../../documents/actions.js";
import { DocumentDrawer } from "../../documents/drawer.js";
import { documentHead } from "../../documents/head.js";
import { historyTab } from "../../documents/history-tab.js";
import { isManaged } from "../../documents/standing.js";
import { writeRow } from "../../documents/writes.js";
import { yamlTab } from "../../documents/yaml-tab.js";
import { html, when } from "../../html.js";
import { detailsTab } from "./details.js";
import { isUnpriced } from "./filters.js";
import { pricesTab } from "./prices.js";
import { promptTab } from "./prompt.js";
import { switchFor } from "./switch.js";
import { upstreamsTab } from "./upstreams.js";

/** Open it; `onsaved(row)` hears of new states, `onclose()` of the end. */
export function openModel({ key, signal, query, providers, onsaved, onremoved, onstep, onclose }) {
  const drawer = new DocumentDrawer({
    kind: "model",
    key,
    signal,
    onsaved,
    onclose,
    onstep,
    titleOf: (row) => row.display_name ?? row.key,
    tab: () => query().get("tab"),
    hrefOf: (name) => withQuery("/ui/models", { ...Object.fromEntries(query()), tab: name }),
    head,
    actions: (editor) => actions(editor, () => drop(editor)),
    tabs: [
      { name: "details", text: "Details", make: detailsTab },
      { name: "prices", text: "Prices", make: pricesTab },
      { name: "upstreams", text: "Upstreams", make: upstreamsTab(providers) },
      { name: "prompt", text: "Prompt", make: promptTab },
      { name: "history", text: "History", make: historyTab },
      { name: "yaml", text: "YAML", make: yamlTab },
    ],
  });
  const drop = async (editor) => {
    const stays = isManaged(editor) ? " The file still declares it; it stays deleted until the file changes it." : "";
    const text = `Clients get “model not found” from now on. Its requests and bills stay.${stays}`;
    if (await removeDocument(editor, { text, onremoved })) drawer.close();
  };
  return Object.assign(drawer, { key });
}

function actions({ row }, drop) {
  const names = [row.display_name ?? row.key, ...(row.aliases ?? [])];
  return html`<a
      class="button"
      data-kind="icon"
      aria-label=${`Requests of ${row.key}`}
      title="Requests of the last 24 hours"
      href=${withQuery("/ui/requests", { model: names, range: "24h" })}
      >${icon("list")}</a
    >
    <button
      type="button"
      class="button"
      data-kind="icon"
      aria-label=${`Delete ${row.key}`}
      title="Delete"
      @click=${drop}>
      ${icon("trash")}
    </button>`;
}

function head(editor, draw) {
  const { row } = editor;
  const name = row.display_name ?? row.key;
  const turn = async (isOn) => {
    await editor.act(() => writeRow("model", row, { enabled: isOn }), `${name} is ${isOn ? "enabled" : "disabled"}.`);
    draw();
  };
  const isRefused = !row.served && row.enabled && !isUnpriced(row);
  return html`${documentHead(
    editor,
    html`${switchFor(row, turn)}${status(row)}`,
    html`<span class="code-line"><code>${name}</code>${copyButton(name, "Copy the name that clients send")}</span>`,
  )}
  ${when(isRefused, () => notServed(row.reason))}`;
}

const notServed = (reason) =>
  html`<p class="strip" data-tone="bad" role="status">
    ${icon("error")}<span><strong>Not served.</strong> ${reason}</span>
  </p>`;

function status(row) {
  if (row.served) return badge(row.pricing?.free ? "Served, free" : "Served", "good", "check");
  if (!row.enabled) return badge("Disabled", "quiet", "pause");
  return isUnpriced(row) ? badge("Needs price", "warn", "warning") : badge("Not served", "bad", "error");
}
