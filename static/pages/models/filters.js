// Which models are listed, and in which order, as the address says it. Pure.

import { compareDecimals } from "../../decimal.js";
import { DRIFT } from "../../documents/words.js";

export const VIEWS = {
  unpriced: isUnpriced,
  conflict: (model) => model.registry?.state === "conflict",
  drift: (model) => DRIFT.includes(model.registry?.state),
};

/** Whether somebody still has to say what it costs. */
export function isUnpriced({ pricing }) {
  return !pricing || (!pricing.free && !(pricing.input && pricing.output));
}

/** The upstreams of a document, the short form too: `{key, provider, api_url, actual_model, enabled}`. */
export function upstreamsOf(model) {
  if (model.upstreams) return Object.entries(model.upstreams).map(([key, upstream]) => ({ key, ...upstream }));
  const { provider, api_format, api_url, actual_model } = model;
  return [{ key: "default", provider, api_format, api_url, actual_model, enabled: true }];
}

/** How many there are in each view. */
export function countViews(models) {
  return Object.fromEntries(Object.entries(VIEWS).map(([name, isIn]) => [name, models.filter(isIn).length]));
}

const STATUS = {
  served: (model) => model.served,
  refused: (model) => !model.served && model.enabled,
  disabled: (model) => !model.enabled,
};

/** `{view, q, provider, status, state, sort}` of the address. */
export function readFilters(query) {
  const sort = query.get("sort") ?? "name";
  return {
    view: query.get("view"),
    q: query.get("q") ?? "",
    provider: query.get("provider"),
    status: query.get("status"),
    state: query.get("state"),
    sort: { name: sort.replace(/^-/, ""), down: sort.startsWith("-") },
  };
}

/** Whether anything but the view narrows the list. */
export const isFiltered = ({ q, provider, status, state }) => Boolean(q || provider || status || state);

export function filterModels(models, { view, q, provider, status, state }) {
  const wanted = q.trim().toLowerCase();
  return models.filter(
    (model) =>
      (!VIEWS[view] || VIEWS[view](model)) &&
      (!wanted || wordsOf(model).includes(wanted)) &&
      (!provider || upstreamsOf(model).some((upstream) => upstream.provider === provider)) &&
      (!STATUS[status] || STATUS[status](model)) &&
      (!state || model.registry?.state === state),
  );
}

function wordsOf(model) {
  const upstreams = upstreamsOf(model).map(({ provider, actual_model: name }) => `${provider ?? ""} ${name ?? ""}`);
  return [model.key, model.display_name, ...(model.aliases ?? []), ...(model.tags ?? []), ...upstreams]
    .join(" ")
    .toLowerCase();
}

/** Sorted by a column; what has no value stands last either way. `usage` is `usageOf`'s. */
export function sortModels(models, { name, down }, usage) {
  const valueOf =
    {
      name: (model) => (model.display_name ?? model.key).toLowerCase(),
      input: (model) => rateOf(model, "input"),
      output: (model) => rateOf(model, "output"),
      requests: (model) => usage(model)?.requests ?? null,
    }[name] ?? ((model) => model.key);
  const compare =
    name === "input" || name === "output" ? compareDecimals : (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  return [...models].sort((one, other) => {
    const [a, b] = [valueOf(one), valueOf(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return down ? compare(b, a) : compare(a, b);
  });
}

const rateOf = ({ pricing }, name) => (pricing?.free ? "0" : (pricing?.[name] ?? null));

/** What was asked of each model, by any of its names: `usageOf(rows)(model)` is `{requests, failed, names}` or null. */
export function usageOf(rows) {
  const byName = new Map();
  for (const row of rows) {
    const name = String(row.key).toLowerCase();
    byName.set(name, [...(byName.get(name) ?? []), row]);
  }
  return (model) => {
    const names = [model.display_name ?? model.key, ...(model.aliases ?? [])].map((name) => name.toLowerCase());
    const found = names.flatMap((name) => byName.get(name) ?? []);
    if (!found.length) return null;
    const sum = (field) => found.reduce((total, row) => total + row[field], 0);
    return { requests: sum("requests"), failed: sum("failed"), names: found.map((row) => row.key) };
  };
}
