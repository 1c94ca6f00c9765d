// How the installation does: what runs where, which upstreams answer, and what waits to be settled.

import { get } from "../api.js";
import { badge, facts, pageHead, tile, timeAgo } from "../components/bits.js";
import { Resource, show, skeletonColumns, skeletonTiles } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { copyText } from "../clipboard.js";
import { diagnosticsText, sizeText } from "../diagnostics.js";
import { count, plural } from "../format.js";
import { html, nothing } from "../html.js";
import { DeadLetters } from "./system/dead-letters.js";
import { Upstreams } from "./system/upstreams.js";
import { workers } from "./system/workers.js";

const SKEW_MS = 1000;
const LINKS = [
  ["/metrics", "Metrics", "for Prometheus"],
  ["/readyz", "Readiness", "200 while requests can be served and billed"],
  ["/healthz", "Health", "200 while the process answers"],
  ["/openapi.json", "OpenAPI", "every endpoint, for machines"],
];

export default function system({ signal, draw }) {
  const page = () => draw(view());
  const state = new Resource(
    { signal },
    (aborted) => get("/api/admin/system", { signal: aborted }),
    () => page(),
  );
  const ready = new Resource(
    { signal },
    (aborted) => readiness(aborted),
    () => page(),
  );
  const upstreams = new Upstreams({ signal, draw: page });
  const letters = new DeadLetters({ signal, draw: page, changed: () => state.load() });
  const load = () => [state, ready, upstreams, letters].forEach((one) => one.load());

  const view = () =>
    html`${pageHead("System", {
        lead: "What runs where, which upstreams answer, and what waits to be settled.",
        actions: html`${freshness({ loadedAt: state.loadedAt, isLoading: state.isLoading, load })}
          <button type="button" class="button" ?disabled=${!state.data} @click=${(event) => copy(event.currentTarget)}>
            Copy diagnostics
          </button>`,
      })}
      ${show(state, { data: overview, skeleton: html`${skeletonTiles(5)}${skeletonColumns(2, 5)}` })}
      <section class="stack tight">
        <h2>Upstreams, last 15 minutes</h2>
        ${upstreams.view(state.data?.upstreams ?? [])}
      </section>
      ${
        state.data
          ? html`<section class="stack tight">
              <h2>Workers</h2>
              ${workers(state.data)}
            </section>`
          : ""
      }
      <section class="stack tight" id="dead-letters">
        <h2>Dead letters</h2>
        ${letters.view()}
      </section>
      <section class="stack tight">
        <h2>For machines</h2>
        <ul class="links">
          ${LINKS.map(
            ([href, text, what]) =>
              html`<li>
                <a class="tile" href=${href} target="_blank" rel="noreferrer"
                  ><strong>${text}</strong><code>${href}</code><span class="tile-note">${what}</span></a
                >
              </li>`,
          )}
        </ul>
      </section>`;

  const overview = (data) =>
    html`<div class="tiles">
        ${tile({ label: "Ready", value: readyBadge(), note: "requests can be served and billed" })}
        ${tile({ label: "Version", value: data.version, note: `Python ${data.python}, ${data.environment}` })}
        ${inFlight(data)}${unsettled(data)}${deadLetters(data)}
      </div>
      <div class="columns">
        <section class="panel">
          <h2>Database</h2>
          ${facts([
            [
              "Kind",
              `${data.database.kind === "embedded" ? "Embedded" : "External"} PostgreSQL ${data.database.version}`,
            ],
            ["Size", sizeText(data.database.size_bytes)],
            ["Migrations", html`<code>${data.database.migration}</code> ${migrationBadge(data.database)}`],
            ["Clock", html`${timeAgo(data.now)} ${skew(data.clock_skew_ms)}`],
          ])}
        </section>
        <section class="panel">
          <h2>Registry</h2>
          ${facts([
            ["Revision", html`<a href="/ui/registry">${data.registry.revision ?? "–"}</a>`],
            ["Sync with files", data.registry.mode ?? "–"],
            [
              "Drift",
              data.registry.drift
                ? html`<a href="/ui/registry">${plural(size(data.registry.drift), "field")}</a>`
                : "none",
            ],
            [
              "Conflicts",
              size(data.registry.conflicts)
                ? html`<a href="/ui/registry">${size(data.registry.conflicts)}</a>`
                : "none",
            ],
            ["Started", timeAgo(data.started_at)],
          ])}
        </section>
      </div>`;

  const readyBadge = () => {
    if (!ready.data) return ready.error ? badge("not known", "warn", "warning") : nothing;
    return ready.data.status === "ready" ? badge("ready", "good", "check") : badge("not ready", "bad", "error");
  };
  const copy = (button) =>
    copyText(
      diagnosticsText({
        system: state.data,
        readiness: ready.data ?? null,
        where: navigator.userAgent,
        now: new Date().toISOString(),
      }),
      button,
    );

  page();
  load();
  refreshing(signal, load);
  return { onquery: page };
}

function inFlight({ workers: rows }) {
  return tile({
    label: "In flight",
    value: count(sum(rows, "in_flight")),
    note: `on ${plural(rows.length, "worker")}`,
    href: "/ui/requests",
  });
}

function unsettled({ spool }) {
  const isBroken = spool?.healthy === false;
  return tile({
    label: "Waiting to be settled",
    value: count(spool?.unsettled ?? 0),
    note: isBroken ? "the spool is not writable" : "charges on their way to the books",
    tone: isBroken ? "bad" : null,
  });
}

function deadLetters({ dead_letters: number }) {
  return tile({
    label: "Dead letters",
    value: count(number),
    note: number ? "charges that the books refused" : "none refused",
    tone: number ? "bad" : null,
    href: number ? "#dead-letters" : null,
  });
}

const migrationBadge = ({ is_latest: isLatest }) =>
  isLatest ? badge("the latest", "good", "check") : badge("not the latest", "bad", "warning");

const skew = (ms) =>
  Math.abs(ms) > SKEW_MS
    ? badge(`${ms} ms off`, "warn", "clock")
    : html`<span class="quiet">${Math.abs(ms)} ms apart</span>`;

const sum = (rows, name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
const size = (value) => (Array.isArray(value) ? value.length : (value ?? 0));

/** /readyz says 503 with the same body while it is not ready: that is an answer, not a failure. */
async function readiness(signal) {
  const answer = await fetch("/readyz", { signal });
  return answer.json();
}
