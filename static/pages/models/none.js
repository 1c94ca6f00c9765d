// What stands where no model is listed: why, and the one thing to do about it.

import { icon } from "../../components/icons.js";
import { emptyState } from "../../components/resource.js";
import { plural } from "../../format.js";
import { html } from "../../html.js";
import { isFiltered } from "./filters.js";

/** There are no models at all. `add()` asks for the first one. */
export function noModels({ hasProvider, add }) {
  const first = hasProvider
    ? html`<button type="button" class="button" data-kind="primary" @click=${add}>${icon("plus")}New model</button>`
    : html`<a class="button" data-kind="primary" href="/ui/providers?new=1">${icon("plus")}Add a provider</a>`;
  return emptyState({
    title: "No models yet",
    iconName: "cube",
    text: hasProvider
      ? "A model is what clients call: a name, a provider that serves it, and a price."
      : "Start with a provider: who is called, and with which key. Then say which of its models clients may use.",
    action: html`${first} <a class="button" href="/ui/registry?tab=plan">${icon("branch")}Read models.yaml</a>`,
  });
}

/** None of `total` is in this view. `hasOthers`: something else is said of it; `conflicts`: how many are in one. */
export function noneShown(filters, { total, hasOthers, conflicts, clear }) {
  if (isFiltered(filters))
    return emptyState({ title: `0 of ${plural(total, "model")} match`, iconName: "search", action: clear });
  if (filters.view === "unpriced")
    return emptyState({
      title: "Every model has a price",
      iconName: "check",
      text: "A model without one would wait here; it is neither served nor listed until then.",
    });
  if (hasOthers) return "";
  if (filters.view === "conflict")
    return emptyState({
      title: "No conflicts",
      iconName: "check",
      text: "Nothing was changed differently in the file and here.",
    });
  return emptyState({
    title: conflicts ? "Nothing else differs from the file" : "Nothing differs from the file",
    iconName: "check",
    text: "What was edited here and not in models.yaml would stand here.",
  });
}
