// One provider in a drawer: its connection, the models that it serves, history and YAML.

import { ApiError, withQuery } from "../../api.js";
import { badge } from "../../components/bits.js";
import { confirm } from "../../components/dialog.js";
import { icon } from "../../components/icons.js";
import { emptyState } from "../../components/resource.js";
import { toast } from "../../components/toast.js";
import { DocumentDrawer } from "../../documents/drawer.js";
import { remove } from "../../documents/editor.js";
import { historyTab } from "../../documents/history-tab.js";
import { placeText, stateBadge } from "../../documents/marks.js";
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
    const using = modelsOf(key);
    const alone = using.filter((model) => upstreamsOf(model).every(({ provider }) => provider === key));
    const isSure = await confirm({
      title: `Delete ${key}?`,
      action: `Delete provider ${key}`,
      text: using.length
        ? `${plural(using.length, "model")} use it: ${using
            .slice(0, 8)
            .map((model) => model.display_name ?? model.key)
            .join(
              ", ",
            )}${using.length > 8 ? "…" : ""}. ${alone.length ? `${plural(alone.length, "model is", "models are")} served by nobody else, and will not be served.` : "Each has another upstream."}`
        : "No model uses it.",
    });
    if (!isSure) return;
    try {
      await remove({ kind: "provider", key, etag: editor.row.etag }, onremoved);
      drawer.close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.status === 423 ? error.message : `${key} was not deleted: ${error.message}`, { tone: "bad" });
    }
  };
  return Object.assign(drawer, { key });
}

function head({ row }, missing) {
  return html`<div class="document-head">
      <div class="document-facts">${stateBadge(row.registry?.state)}${placeText(row.registry?.place)}</div>
    </div>
    ${when(
      missing,
      () =>
        html`<p class="strip" data-tone="bad" role="status">
          ${icon("key")}<span
            ><strong>Its key is not to be had.</strong> <code>${missing.reference}</code>: ${missing.reason}. Requests
            pass it over until it is.</span
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
          ${model.served ? badge("Served", "good", "check") : badge(model.enabled ? "Not served" : "Disabled", "quiet", "pause")}
        </li>`,
    )}
  </ul>`;
}
