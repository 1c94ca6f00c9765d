// Which requests are asked for: read from the page's address, said to the API, and tried on one row. Pure.

import { compareDecimals, isDecimal } from "../../decimal.js";
import { money, outcomeText } from "../../format.js";

export const OUTCOMES = [
  "completed",
  "error_after_usage",
  "no_usage",
  "usage_invalid",
  "upstream_error",
  "interrupted",
  "aborted_unmetered",
  "refused",
];
/** What counts as failed: relayed, and not completed. */
export const FAILED = OUTCOMES.filter((outcome) => outcome !== "completed" && outcome !== "refused");
const REPEATED = ["user_id", "key_id", "model", "outcome", "status", "error_code", "endpoint"];

/** The filters in an address: lists by name, and `min_cost` as text or null. What the API would refuse is left out. */
export function readFilters(query) {
  const filters = Object.fromEntries(REPEATED.map((name) => [name, query.getAll(name).filter(Boolean)]));
  filters.outcome = filters.outcome.filter((outcome) => OUTCOMES.includes(outcome));
  filters.status = filters.status.filter((status) => /^[1-5](\d\d|xx)$/i.test(status));
  const least = query.get("min_cost");
  return { ...filters, min_cost: least && isDecimal(least) && compareDecimals(least, "0") > 0 ? least : null };
}

/** Every filter turned off, as `router.setQuery` takes it. */
export const NO_FILTERS = Object.fromEntries([...REPEATED, "min_cost"].map((name) => [name, null]));

export function isFiltered(filters) {
  return Boolean(filters.min_cost) || REPEATED.some((name) => filters[name].length);
}

/** What the stream of events can be asked for; the rest is tried here, row by row. */
export function streamFilters({ user_id, key_id, model, outcome }) {
  return { user_id, key_id, model, outcome };
}

/** Whether a row of the API is one of those asked for. A request that is under way has no outcome yet. */
export function matches(filters, row) {
  const isUnderWay = row.outcome === undefined;
  if (isUnderWay && (filters.outcome.length || filters.status.length || filters.error_code.length || filters.min_cost))
    return false;
  return (
    among(filters.user_id, row.user_id) &&
    among(filters.key_id, row.key_id) &&
    among(filters.model, row.model) &&
    among(filters.endpoint, row.endpoint) &&
    among(filters.outcome, row.outcome) &&
    among(filters.error_code, row.error_code) &&
    (!filters.status.length || filters.status.some((status) => isStatus(status, row.status))) &&
    (!filters.min_cost || compareDecimals(row.cost, filters.min_cost) >= 0)
  );
}

const among = (wanted, value) => !wanted.length || wanted.includes(String(value));
const isStatus = (wanted, status) =>
  /xx$/i.test(wanted) ? String(status)[0] === wanted[0] : String(status) === wanted;

const NAMES = {
  user_id: "User",
  key_id: "Key",
  model: "Model",
  outcome: "Outcome",
  status: "Status",
  error_code: "Error",
  endpoint: "API",
  min_cost: "Cost from",
};

/** The filters in words, each with what takes it out: `[{name, label, text, without}]`. `nameOf` knows names. */
export function chips(filters, nameOf = () => null) {
  const found = REPEATED.flatMap((name) =>
    filters[name].map((value) => ({
      name,
      label: NAMES[name],
      text: name === "outcome" ? outcomeText(value) : (nameOf(name, value) ?? value),
      without: { [name]: filters[name].filter((other) => other !== value) },
    })),
  );
  if (filters.min_cost)
    found.push({ name: "min_cost", label: NAMES.min_cost, text: money(filters.min_cost), without: { min_cost: null } });
  return found;
}

/** The address of the requests that a bar, a row or a figure stands for. */
export function requestsOf(page, filters, changes) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filters, ...changes })) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(name, one);
    }
  }
  const text = query.toString();
  return text ? `${page}?${text}` : page;
}
