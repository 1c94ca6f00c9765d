// A document as leaves, `pricing.input` to "1.25", and back: what a form edits, a merge compares and a patch is made
// of.
//
// What the short form of a model says of its one upstream belongs to the upstream `default`, as on the server. Paths
// are written as people write them: `provider`, not `upstreams.default.provider`, where the short form says it.

const SHORT = ["provider", "api_format", "api_url", "api_key", "actual_model"];
const TABLES = ["pricing", "system_prompt", "limits", "routing", "headers"];
const DEFAULT = "default";
const BESIDE = new Set(["key", "etag", "served", "reason", "registry", "secrets", "warnings"]);
export const UPSTREAM_DEFAULTS = { priority: 0, weight: 100, enabled: true };

/** The leaves of a document of the API, those that are set. `kind`: "model" or "provider". */
export function leavesOf(kind, document) {
  const leaves = {};
  const set = (path, value) => {
    if (value !== null && value !== undefined) leaves[path] = value;
  };
  for (const [name, value] of Object.entries(document)) {
    if (BESIDE.has(name)) continue;
    if (kind === "model" && name === "upstreams") flattenUpstreams(value, set);
    else if (kind === "model" && SHORT.includes(name)) set(upstreamPath(DEFAULT, name), value);
    else if (kind === "model" && name === "pricing") flattenPricing(value, set);
    else if (TABLES.includes(name)) for (const [field, below] of Object.entries(value)) set(`${name}.${field}`, below);
    else set(name, value);
  }
  return leaves;
}

function flattenUpstreams(upstreams, set) {
  for (const [key, upstream] of Object.entries(upstreams)) {
    for (const [field, value] of Object.entries({ ...UPSTREAM_DEFAULTS, ...upstream })) {
      if (UPSTREAM_DEFAULTS[field] !== value) set(upstreamPath(key, field), value);
    }
  }
}

function flattenPricing(pricing, set) {
  for (const [name, value] of Object.entries(pricing)) {
    if (name !== "tiers") set(`pricing.${name}`, value);
    else
      for (const [above, rates] of Object.entries(value))
        for (const [rate, price] of Object.entries(rates)) set(tierPath(above, rate), price);
  }
}

/** The document that these leaves make; the short form where it says everything. */
export function documentOf(kind, leaves) {
  const document = {};
  for (const [path, value] of Object.entries(leaves)) {
    if (value === null || value === undefined) continue;
    const parts = splitPath(path);
    const name = parts.pop();
    let holder = document;
    for (const part of parts) holder = holder[part] ??= {};
    holder[name] = value;
  }
  if (kind === "model" && document.upstreams) shorten(document);
  return document;
}

function shorten(document) {
  const { upstreams } = document;
  const keys = Object.keys(upstreams);
  if (
    keys.length === 1 &&
    keys[0] === DEFAULT &&
    Object.keys(upstreams[DEFAULT]).every((field) => SHORT.includes(field))
  ) {
    delete document.upstreams;
    Object.assign(document, upstreams[DEFAULT]);
    return;
  }
  for (const key of keys) upstreams[key] = { ...upstreams[key], ...fill(upstreams[key]) };
}

const fill = (upstream) =>
  Object.fromEntries(Object.entries(UPSTREAM_DEFAULTS).map(([field, value]) => [field, upstream[field] ?? value]));

/** The merge patch (RFC 7396) that makes `after` of `before`; null takes a field out. */
export function patchOf(before, after) {
  const patch = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (BESIDE.has(name)) continue;
    const [was, is] = [before[name], after[name]];
    if (is === undefined) patch[name] = null;
    else if (isTable(was) && isTable(is)) {
      const below = patchOf(was, is);
      if (Object.keys(below).length) patch[name] = below;
    } else if (!isSame(was, is)) patch[name] = is;
  }
  return patch;
}

/** A merge patch laid over a document. */
export function mergePatch(document, patch) {
  const merged = { ...document };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = isTable(value) ? mergePatch(isTable(merged[name]) ? merged[name] : {}, value) : value;
  }
  return merged;
}

const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether two leaves say the same; unset, null and an empty list are one. */
export function isSame(one, other) {
  const plain = (value) => (value === undefined || (Array.isArray(value) && !value.length) ? null : value);
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

export const upstreamPath = (key, field) => `upstreams.${key}.${field}`;
export const tierPath = (above, rate) => `pricing.tiers.${above}.${rate}`;

/** The parts of a path. The key of an upstream and the name of a header may hold dots, that of a field never does. */
export function splitPath(path) {
  if (path.startsWith("pricing.tiers.")) return path.split(".");
  if (path.startsWith("upstreams.")) {
    const at = path.lastIndexOf(".");
    return ["upstreams", path.slice("upstreams.".length, at), path.slice(at + 1)];
  }
  const dot = path.indexOf(".");
  return dot < 0 ? [path] : [path.slice(0, dot), path.slice(dot + 1)];
}

/** The path by which the server names a leaf, and back: `provider` for `upstreams.default.provider`. */
export function shownPath(kind, path) {
  const short = path.startsWith("upstreams.default.") ? path.slice("upstreams.default.".length) : path;
  return kind === "model" && SHORT.includes(short) ? short : path;
}

export function knownPath(kind, path) {
  return kind === "model" && SHORT.includes(path) ? upstreamPath(DEFAULT, path) : path;
}

/** The keys of the upstreams that these leaves make, in their order. */
export function upstreamKeys(leaves) {
  return [
    ...new Set(
      Object.keys(leaves)
        .filter((path) => path.startsWith("upstreams.") && leaves[path] !== null)
        .map((path) => splitPath(path)[1]),
    ),
  ];
}

/** The thresholds of the price's tiers, lowest first. */
export function tierThresholds(leaves) {
  const found = Object.keys(leaves)
    .filter((path) => path.startsWith("pricing.tiers.") && leaves[path] !== null)
    .map((path) => path.split(".")[2]);
  return [...new Set(found)].sort((one, other) => Number(one) - Number(other));
}

/** What changes together or not at all: nobody is billed by a price list of two hands. */
export function groupOf(path) {
  if (path.startsWith("pricing.")) return "pricing";
  if (path.startsWith("system_prompt.")) return "system_prompt";
  const parts = splitPath(path);
  if (parts[0] === "upstreams" && ["provider", "api_format", "api_url", "api_key"].includes(parts[2]))
    return `upstreams.${parts[1]}.connection`;
  if (parts[0] === "headers" || ["api_format", "api_url", "api_key"].includes(path)) return "connection";
  return path;
}
