// What the address of a list of requests asks for. Pure: `now` is given.

import { asInput, readRange } from "../../range.js";
import { readFilters } from "./filters.js";

/**
 * `{key, range, filters, isLive, params}`: `params` as the API takes them, `key` another one whenever others are asked
 * for. "Now" is taken once, so that table, sums, bars and file are of the same rows.
 */
export function readAsked(query, { isAdmin, now, zone }) {
  const range = readRange(query, now, "24h", zone);
  const filters = readFilters(query);
  const isLive = isAdmin && query.get("live") === "1" && range.name !== "custom";
  const span = ["range", "from", "to"].map((name) => query.get(name));
  const key = JSON.stringify([span, filters, isLive, zone]);
  return { key, range, filters, isLive, params: { ...filters, from: range.from, to: isLive ? null : range.to } };
}

/** `requests-2026-11-16-2026-11-23.csv`, by the days of the zone. */
export const fileName = ({ from, to }, zone) =>
  `${["requests", ...[from, to].filter(Boolean).map((time) => asInput(time, zone).slice(0, 10))].join("-")}.csv`;
