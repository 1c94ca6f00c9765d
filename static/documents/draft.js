// What was typed over a document and is not saved yet. It belongs to one key and one ETag, and to nothing else.

import {
  documentOf,
  isSame,
  knownPath,
  leavesOf,
  patchOf,
  splitPath,
  tierThresholds,
  upstreamKeys,
  UPSTREAM_DEFAULTS,
} from "./leaves.js";
import { asText, faultOf, readValue } from "./values.js";

const KINDS = {
  aliases: "list",
  tags: "list",
  groups: "list",
  "routing.retry_on": "list",
  description: "lines",
  "system_prompt.text": "lines",
  enabled: "flag",
  protect: "flag",
  "pricing.free": "flag",
  "system_prompt.disabled": "flag",
  "limits.timeout": "duration",
  "limits.first_byte_timeout": "duration",
  "limits.idle_timeout": "duration",
  "routing.cooldown": "duration",
  "limits.max_output_tokens": "whole",
  "limits.context_window": "whole",
  "routing.max_attempts": "whole",
};
const UPSTREAM_KINDS = { priority: "whole", weight: "whole", enabled: "flag" };

/** What is typed into the field of a path: price, whole, duration, list, lines, flag or text. */
export function kindOf(path) {
  if (KINDS[path]) return KINDS[path];
  if (path.startsWith("pricing.")) return "price";
  if (path.startsWith("upstreams.")) return UPSTREAM_KINDS[splitPath(path).at(-1)] ?? "text";
  return "text";
}

function defaultOf(path) {
  if (path.startsWith("upstreams.")) return UPSTREAM_DEFAULTS[splitPath(path).at(-1)] ?? null;
  return kindOf(path) === "flag" ? path === "enabled" : null;
}

export class Draft {
  #typed = new Map();

  /** `kind`: "model" or "provider". `document` as the API gives it. */
  constructor(kind, document, etag) {
    this.kind = kind;
    this.etag = etag;
    this.original = leavesOf(kind, document);
  }

  /** The text of a field: what was typed, else what is saved. */
  text(path) {
    if (this.#typed.has(path)) return asText(this.#typed.get(path));
    return asText(this.original[path] ?? (path.startsWith("upstreams.") ? defaultOf(path) : null));
  }

  flag(path) {
    return Boolean(this.#typed.has(path) ? this.#typed.get(path) : (this.original[path] ?? defaultOf(path)));
  }

  type(path, typed) {
    this.#typed.set(path, typed);
  }

  /** What was typed, by path. */
  get typed() {
    return new Map(this.#typed);
  }

  /** What was typed since `sent` was all of it. */
  typedSince(sent) {
    return new Map([...this.#typed].filter(([path, text]) => !sent.has(path) || sent.get(path) !== text));
  }

  /** Take back what was typed into one field, or into all. */
  reset(path = null) {
    if (path === null) this.#typed.clear();
    else this.#typed.delete(path);
  }

  /** The value that would be saved; null: unset. */
  value(path) {
    if (!this.#typed.has(path)) return this.original[path] ?? null;
    const value = readValue(kindOf(path), this.#typed.get(path));
    const standard = defaultOf(path);
    if (standard !== null && value === standard && this.original[path] === undefined) return null;
    return value;
  }

  isChanged(path) {
    return !isSame(this.value(path), this.original[path]);
  }

  get changed() {
    return [...this.#typed.keys()].filter((path) => this.isChanged(path));
  }

  get isDirty() {
    return this.changed.length > 0;
  }

  /** All leaves as they would be saved. */
  get leaves() {
    const leaves = { ...this.original };
    for (const path of this.#typed.keys()) {
      const value = this.value(path);
      if (value === null) delete leaves[path];
      else leaves[path] = value;
    }
    return leaves;
  }

  /** The document as it would be saved. */
  get document() {
    return documentOf(this.kind, this.leaves);
  }

  get patch() {
    return patchOf(documentOf(this.kind, this.original), this.document);
  }

  /** Of what was typed, what is wrong by path. */
  get faults() {
    const found = new Map();
    for (const [path, typed] of this.#typed) {
      const fault = faultOf(kindOf(path), typed);
      if (fault) found.set(path, fault);
    }
    return found;
  }

  /** Make the fields say these leaves. */
  say(leaves) {
    this.#typed.clear();
    for (const path of new Set([...Object.keys(leaves), ...Object.keys(this.original)])) {
      if (!isSame(leaves[path], this.original[path]))
        this.#typed.set(path, leaves[path] ?? (kindOf(path) === "flag" ? defaultOf(path) : ""));
    }
  }

  /** The keys of the upstreams, those that are being added among them. */
  get upstreams() {
    const typed = [...this.#typed.keys()]
      .filter((path) => path.startsWith("upstreams."))
      .map((path) => splitPath(path)[1]);
    const kept = upstreamKeys(this.leaves);
    const added = typed.filter((key) => !upstreamKeys(this.original).includes(key));
    return [...new Set([...kept, ...added])];
  }

  addUpstream(key, fields) {
    for (const [field, value] of Object.entries(fields)) this.#typed.set(`upstreams.${key}.${field}`, value);
  }

  dropUpstream(key) {
    this.#drop(`upstreams.${key}.`, (path) => splitPath(path)[1] === key);
  }

  get tiers() {
    const typed = [...this.#typed.keys()]
      .filter((path) => path.startsWith("pricing.tiers."))
      .map((path) => path.split(".")[2]);
    const kept = tierThresholds(this.leaves);
    const added = typed.filter((above) => !tierThresholds(this.original).includes(above));
    return [...new Set([...kept, ...added])].sort((one, other) => Number(one) - Number(other));
  }

  dropTier(above) {
    this.#drop(`pricing.tiers.${above}.`, () => true);
  }

  #drop(prefix, isMeant) {
    for (const path of [...Object.keys(this.original), ...this.#typed.keys()]) {
      if (!path.startsWith(prefix) || !isMeant(path)) continue;
      if (this.original[path] === undefined) this.#typed.delete(path);
      else this.#typed.set(path, kindOf(path) === "flag" ? defaultOf(path) : "");
    }
  }
}

/** The server's faults by the paths of a draft. */
export function faultsByPath(kind, faults) {
  return new Map([...faults].map(([path, message]) => [knownPath(kind, path), message]));
}
