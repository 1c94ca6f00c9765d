// Where a document or a field of it stands between the files and live, in words.

export const STATES = {
  managed: { text: "In sync", tone: "good", icon: "check", title: "What is live is what the file says." },
  drifted: {
    text: "Changed here",
    tone: "warn",
    icon: "edit",
    title: "Edited live since the file was applied. The edit stays.",
  },
  conflict: {
    text: "Conflict",
    tone: "bad",
    icon: "warning",
    title: "The file and a live edit both changed the same. Somebody decides.",
  },
  ui: { text: "Only here", tone: "info", icon: "plus", title: "No file declares it." },
  orphaned: {
    text: "Left the file",
    tone: "warn",
    icon: "file",
    title: "The file no longer declares it, and nobody said what becomes of it.",
  },
  held: { text: "Held", tone: "info", icon: "pin", title: "Files may change nothing of it for a while." },
  deleted: {
    text: "Deleted here",
    tone: "warn",
    icon: "trash",
    title: "Deleted live, and the file still declares it.",
  },
};

/** How a state is shown: `{text, tone, icon, title}`. */
export function stateWords(state) {
  return STATES[state] ?? { text: String(state), tone: "quiet", icon: "info", title: "" };
}

/** Where live is not what the file says; a conflict is none of these, and waits for somebody by itself. */
export const DRIFT = ["drifted", "orphaned", "deleted"];

const LABELS = {
  display_name: "Display name",
  aliases: "Aliases",
  description: "Description",
  owned_by: "Owned by",
  enabled: "Enabled",
  visibility: "Visibility",
  tags: "Tags",
  groups: "Groups",
  protect: "Protected",
  "pricing.input": "Input",
  "pricing.output": "Output",
  "pricing.cached_input": "Cached input",
  "pricing.cache_write": "Cache write",
  "pricing.cache_write_1h": "Cache write, 1 h",
  "pricing.free": "Free",
  "system_prompt.text": "Prompt",
  "system_prompt.mode": "Prompt mode",
  "system_prompt.disabled": "Prompt off",
  "limits.timeout": "Timeout",
  "limits.first_byte_timeout": "First byte timeout",
  "limits.idle_timeout": "Idle timeout",
  "limits.max_output_tokens": "Most output",
  "limits.context_window": "Context window",
  "routing.strategy": "Strategy",
  "routing.max_attempts": "Attempts",
  "routing.retry_on": "Retry on",
  "routing.cooldown": "Cooldown",
  api_format: "Format",
  api_url: "Address",
  api_key: "Key",
  provider: "Provider",
  actual_model: "Model there",
};
const UPSTREAM_LABELS = {
  priority: "priority",
  weight: "weight",
  enabled: "enabled",
  provider: "provider",
  api_format: "format",
  api_url: "address",
  api_key: "key",
  actual_model: "model there",
};

/** A path in words: "Output above 200,000", "Upstream spare: weight". */
export function labelOf(path) {
  const parts = path.split(".");
  if (path.startsWith("pricing.tiers."))
    return `${LABELS[`pricing.${parts[3]}`] ?? parts[3]} above ${Number(parts[2]).toLocaleString("en-US")}`;
  if (path.startsWith("upstreams.default.")) return LABELS[parts[2]] ?? UPSTREAM_LABELS[parts[2]] ?? parts[2];
  if (path.startsWith("upstreams."))
    return `Upstream ${parts.slice(1, -1).join(".")}: ${UPSTREAM_LABELS[parts.at(-1)] ?? parts.at(-1)}`;
  if (path.startsWith("headers.")) return `Header ${parts.slice(1).join(".")}`;
  return LABELS[path] ?? path;
}

/** Who did it: `admin:dana` is Dana, a sync is the file. */
export function actorText(actor) {
  if (!actor) return "somebody";
  const [kind, ...rest] = actor.split(":");
  const name = rest.join(":");
  if (kind === "admin") return name || "an admin";
  if (kind === "startup" || kind === "watch" || kind === "sync") return "a sync of the file";
  return actor;
}

const WHOLES = { pricing: "prices", system_prompt: "prompt", connection: "connection" };

/** What goes back to the file with a field: itself, or all that changes together with it. */
export function takeText(group) {
  const whole = WHOLES[group] ?? (group.endsWith(".connection") ? "connection" : null);
  return whole ? `Take the file's ${whole}` : "Take the file's";
}

/** A leaf's value, short, for a list of changes. */
export function valueText(path, value) {
  if (value === null || value === undefined) return "not set";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ") || "none";
  if (path.startsWith("pricing.") && path !== "pricing.free") return `$${value}`;
  return String(value);
}
