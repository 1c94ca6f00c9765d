// One provider in a drawer: its connection, the models that it serves, history and YAML.

import { withQuery } from "../../api.js";
import { badge } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { emptyState } from "../../components/resource.js";
import { removeDocument } from "../../documents/actions.js";
import { DocumentDrawer } from "../../documents/drawer.js";
import { documentHead } from "../../documents/head.js";
import { historyTab } from "../../documents/history-tab.js";
import { yamlTab } from "../../documents/yaml-tab.js";
import { plural } from "../../format.js";
import { html, when } from "../../html.js";
import { upstreamsOf } from "../models/filters.js";
import { connectionTab } from "./connection.js";

/** `modelsOf(key)` are the models that it serves, `missingOf(key)` why its key is not to be had, or nothing. */
export function openProvider({ key, signal, query, modelsOf, missingOf, onsaved, onremoved, onstep, onclose }) {
  const drawer = new DocumentDrawer({
    kind: "provider",
    key,
    signal,
    onsaved,
    onclose,
    onstep,
    titleOf: (row) => row.key,
    tab: () => query().get("tab"),
    hrefOf: (name) => withQuery("/ui/providers", { ...Object.fromEntries(query()), tab: name }),
    head: (editor) => head(editor, missingOf(key)),
    actions: (editor) =>
      html`<button
        type="button"
        class="button"
        data-kind="icon"
        aria-label=${`Delete ${key}`}
        title="Delete"
        @click=${() => drop(editor)}>
        ${icon("trash")}
      </button>`,
    tabs: [
      { name: "details", text: "Connection", make: connectionTab },
      { name: "models", text: "Models", make: () => ({ view: () => served(key, modelsOf(key)) }) },
      { name: "history", text: "History", make: historyTab },
      { name: "yaml", text: "YAML", make: yamlTab },
    ],
  });
  const drop = async (editor) => {
    if (await removeDocument(editor, { text: whatIsLost(key, modelsOf(key)), onremoved })) drawer.close();
  };
  return Object.assign(drawer, { key });
}

const NAMED_MAX = 8;

/** What deleting it does to the models that it serves. */
function whatIsLost(key, models) {
  if (!models.length) return "No model uses it.";
  const names = models.slice(0, NAMED_MAX).map((model) => model.display_name ?? model.key);
  const alone = models.filter((model) => upstreamsOf(model).every(({ provider }) => provider === key)).length;
  const left = alone
    ? `${plural(alone, "model is", "models are")} served by nobody else, and will not be served.`
    : "Each has another upstream.";
  const who = plural(models.length, "model uses", "models use");
  return `${who} it: ${names.join(", ")}${models.length > NAMED_MAX ? "…" : ""}. ${left}`;
}

function head(editor, missing) {
  return html`${documentHead(editor)}
  ${when(
    missing,
    () =>
      html`<p class="strip" data-tone="bad" role="status">
        ${icon("key")}<span
          ><strong>Its key is missing.</strong> <code>${missing.reference}</code>: ${missing.reason}. Requests pass it
          over until it is.</span
        >
      </p>`,
  )}`;
}

function served(key, models) {
  if (!models.length) {
    return emptyState({
      title: "It serves no model yet",
      iconName: "cube",
      action: html`<a class="button" data-kind="primary" href="/ui/models">To the models</a>`,
    });
  }
  return html`<ul class="served-models">
    ${models.map(
      (model) =>
        html`<li>
          <a href=${withQuery("/ui/models", { open: model.key, tab: "upstreams" })}
            >${model.display_name ?? model.key}</a
          >
          <span class="quiet"
            >${upstreamsOf(model)
              .filter(({ provider }) => provider === key)
              .map(({ actual_model: name }) => name ?? "the same name")
              .join(", ")}</span
          >
          ${servedBadge(model)}
        </li>`,
    )}
  </ul>`;
}

function servedBadge({ served: isServed, enabled: isEnabled }) {
  if (isServed) return badge("Served", "good", "check");
  return isEnabled ? badge("Not served", "bad", "error") : badge("Disabled", "quiet", "pause");
}
