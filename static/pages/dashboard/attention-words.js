// What waits for somebody, in words, and where it is mended. Pure.

import { count, plural } from "../../format.js";

const NAMES_MAX = 3;

/** What one entry of /api/admin/attention says, and the view that mends it: `{text, detail, href, action}`. */
export function attentionWords(item) {
  switch (item.kind) {
    case "unmetered_answers":
      return {
        text: `${plural(item.count, "answer")} of the last day ${item.count === 1 ? "was" : "were"} not charged`,
        detail: `The provider told no tokens, or nonsense. ${models(item)}`.trim(),
        href: "/ui/requests?range=24h&outcome=no_usage&outcome=usage_invalid",
        action: "See requests",
      };
    case "unpriced_models":
      return {
        text: `${plural(item.count, "model")} ${item.count === 1 ? "needs" : "need"} a price`,
        detail: names(item.models, item.count),
        href: "/ui/models?view=unpriced",
        action: "Set prices",
      };
    case "drift":
      return {
        text: `${plural(item.count, "entry", "entries")} changed here and not in the file`,
        detail: names([...(item.models ?? []), ...(item.providers ?? [])], item.count),
        href: "/ui/registry?tab=drift",
        action: "Compare",
      };
    case "conflicts":
      return {
        text: `${plural(item.count, "conflict")} between the file and what was edited here`,
        detail: "Both changed, differently.",
        href: "/ui/registry?tab=conflicts",
        action: "Decide",
      };
    case "files_invalid":
      return {
        text: "The registry file cannot be read",
        detail: item.message ?? "",
        href: "/ui/registry",
        action: "See why",
      };
    case "upstream_failing":
      return {
        text: `${plural(item.count, "upstream")} ${item.count === 1 ? "fails" : "fail"} now`,
        detail: (item.upstreams ?? []).slice(0, NAMES_MAX).map(failing).join("; "),
        href: "/ui/requests?outcome=upstream_error&range=1h",
        action: "See requests",
      };
    case "users_out_of_money":
      return {
        text: `${plural(item.count, "user")} ${item.count === 1 ? "is" : "are"} out of money`,
        detail: names(
          (item.users ?? []).map(({ name }) => name),
          item.count,
        ),
        href: "/ui/users?standing=out",
        action: "Top up",
      };
    case "spooled_settlements":
      return {
        text: `${plural(item.count, "charge")} ${item.count === 1 ? "waits" : "wait"} to be settled`,
        detail: "The database could not take them; they are tried again by themselves.",
        href: "/ui/system",
        action: "Look",
      };
    case "dead_letters":
      return {
        text: `${plural(item.count, "charge")} ${item.count === 1 ? "was" : "were"} refused by the database`,
        detail: "Each waits to be tried again or dismissed.",
        href: "/ui/system",
        action: "Look",
      };
    default:
      return {
        text: `${item.kind.replaceAll("_", " ")}: ${count(item.count)}`,
        detail: "",
        href: "/ui/system",
        action: "Look",
      };
  }
}

/** Which models, where not all of them can be told how many there are in all. */
function models({ models: found = [] }) {
  const shown = found.slice(0, NAMES_MAX).join(", ");
  return found.length
    ? `${found.length === 1 ? "Model" : "Models"}: ${shown}${found.length > NAMES_MAX ? ", …" : ""}`
    : "";
}

function names(list = [], whole) {
  const shown = list.slice(0, NAMES_MAX).join(", ");
  const more = whole - Math.min(list.length, NAMES_MAX);
  return more > 0 && shown ? `${shown} and ${count(more)} more` : shown;
}

function failing({ name, requests, failures, last_error: error }) {
  return `${name}: ${count(failures)} of ${count(requests)}${error ? `, last ${error}` : ""}`;
}
