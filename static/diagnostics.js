// What to send along with a question about an installation: how it does, as text. No secrets, no addresses of providers, no
// names of users are in it. Pure.

/** `system` as /api/admin/system says it, `readiness` as /readyz does (null: not known); `where` is the browser. */
export function diagnosticsText({ system, readiness, where, now }) {
  const { workers, upstreams, database, registry, ...rest } = system;
  const lines = [
    `quart-proxy ${system.version}, ${system.environment}, Python ${system.python}`,
    `Asked ${now} with ${where}`,
    `Started ${rest.started_at}, database clock ${rest.now}, skew ${rest.clock_skew_ms} ms`,
    `Database: ${database.kind} ${database.version}, ${database.size_bytes} bytes, migration ${database.migration}${database.is_latest ? "" : " (not the latest)"}`,
    `Registry: revision ${registry.revision}, mode ${registry.mode}, drift ${told(registry.drift)}, conflicts ${told(registry.conflicts)}, holds ${told(registry.holds)}`,
    `Spool: ${told(rest.spool)}; dead letters: ${rest.dead_letters}`,
    "Workers:",
    ...workers.map(
      (one) =>
        `  ${one.name}: version ${one.version}, revision ${one.revision}, seen ${one.seen_at}, in flight ${one.in_flight ?? "?"}, backlog ${one.backlog ?? "?"}`,
    ),
    "Upstreams, last 15 minutes:",
    ...upstreams.map(
      (one) =>
        `  ${one.name}: ${one.requests} requests, ${one.failures} failures, p95 to the first byte ${one.p95_first_byte_ms ?? "?"} ms${one.last_error ? `, last error ${one.last_error_at}` : ""}`,
    ),
    ...(readiness ? [`Ready: ${readiness.status}`] : []),
  ];
  return withoutSecrets(lines.join("\n"));
}

const told = (value) =>
  Array.isArray(value) ? value.length : value !== null && typeof value === "object" ? JSON.stringify(value) : value;

/** Whatever looks like a key or a password in an address, wherever it came from. */
export function withoutSecrets(text) {
  return text
    .replace(/\bsk-[\w-]{6,}/g, "sk-…")
    .replace(/(\w+:\/\/[^\s:/@]+):[^\s@]+@/g, "$1:…@")
    .replace(/\b(Bearer)\s+\S+/gi, "$1 …");
}

/** `840 MB`. */
export function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let [size, at] = [bytes, 0];
  while (size >= 1000 && at < units.length - 1) [size, at] = [size / 1000, at + 1];
  return `${at === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[at]}`;
}
