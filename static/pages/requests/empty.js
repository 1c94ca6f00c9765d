// Why a list of requests is empty, and the one thing to do about it.

import { emptyState } from "../../components/resource.js";
import { plural } from "../../format.js";
import { html } from "../../html.js";
import { namedRange } from "../../range.js";
import { isFiltered, NO_FILTERS } from "./filters.js";

const WIDEST = "90d";

/** `unfiltered`: how many there are without the filters, if that is known. `connect`: a link for a start, or "". */
export function emptyLog({ filters, range, router, connect, unfiltered }) {
  if (isFiltered(filters)) {
    return emptyState({
      title: "No request matches",
      iconName: "search",
      text: unfiltered
        ? `None of the ${plural(unfiltered, "request")} in this range passes the filters.`
        : "Nothing in this range passes the filters.",
      action: turn(router, NO_FILTERS, "Clear filters"),
    });
  }
  if (range.name === WIDEST) {
    return emptyState({
      title: "No requests yet",
      iconName: "list",
      text: "Each request to /v1 gets a row here, with its receipt.",
      action: connect,
    });
  }
  return emptyState({
    title: `No requests ${when(range)}`,
    iconName: "clock",
    text: "Look further back, or send one.",
    action: html`${turn(router, namedRange(WIDEST), "Last 90 days")}${connect}`,
  });
}

function when({ name, text }) {
  if (name === "custom") return "in this range";
  return text.startsWith("Last ") ? `in the ${text.toLowerCase()}` : text.toLowerCase();
}

const turn = (router, changes, text) =>
  html`<button type="button" class="button" data-kind="primary" @click=${() => router.setQuery(changes)}>
    ${text}
  </button>`;
