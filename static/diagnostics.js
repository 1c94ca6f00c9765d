// What to send along with a question about an installation: how it does, as text. No secrets, no addresses of
// providers, no names of users are in it. Pure.

/** `system` as /api/admin/system says it, `readiness` as /readyz does (null: not known); `where` is the browser. */
export function diagnosticsText({ system, readiness, where, now }) {
  const { workers, upstreams, database, registry, ...rest } = system;
  const lines = [
    `quart-proxy ${system.version}, ${system.environment}, Python ${system.python}`,
    `Asked ${now} with ${where}`,
    `Started ${rest.started_at}, database clock ${rest.now}, skew ${rest.clock_skew_ms} ms`,
    databaseLine(database),
    registryLine(registry),
    `Spool: ${told(rest.spool)}; dead letters: ${rest.dead_letters}`,
    "Workers:",
    ...workers.map(workerLine),
    "Upstreams, last 15 minutes:",
    ...upstreams.map(upstreamLine),
    ...(readiness ? [`Ready: ${readiness.status}`] : []),
  ];
  return withoutSecrets(lines.join("\n"));
}

function databaseLine({ kind, version, size_bytes: size, migration, is_latest: isLatest }) {
  return `Database: ${kind} ${version}, ${size} bytes, migration ${migration}${isLatest ? "" : " (not the latest)"}`;
}

function registryLine({ revision, mode, drift, conflicts, holds }) {
  const numbers = `drift ${told(drift)}, conflicts ${told(conflicts)}, holds ${told(holds)}`;
  return `Registry: revision ${revision}, mode ${mode}, ${numbers}`;
}

function workerLine({ name, version, revision, seen_at: seen, in_flight: flying, backlog }) {
  const load = `in flight ${flying ?? "?"}, backlog ${backlog ?? "?"}`;
  return `  ${name}: version ${version}, revision ${revision}, seen ${seen}, ${load}`;
}

function upstreamLine({ name, requests, failures, p95_first_byte_ms: p95, last_error: error, last_error_at: time }) {
  const said = `${requests} requests, ${failures} failures, p95 to the first byte ${p95 ?? "?"} ms`;
  return `  ${name}: ${said}${error ? `, last error ${time}` : ""}`;
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
