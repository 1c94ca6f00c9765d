// The upstreams: how they answered of late, and asking one right now whether it takes our key.

import { ApiError, get, post, withQuery } from "../../api.js";
import { announce } from "../../announce.js";
import { badge, timeAgo, took } from "../../components/bits.js";
import { Resource, show } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { count, duration, percent } from "../../format.js";
import { html } from "../../html.js";

const PROVIDERS_MAX = 200;
const FAILING = 0.05;
const FAILURES_MIN = 3;

export class Upstreams {
  #draw;
  #providers;
  /** By provider: "asking", or what it said. */
  #asked = new Map();

  constructor({ signal, draw }) {
    this.#draw = draw;
    this.#providers = new Resource(
      { signal },
      async (aborted) => (await get(`/api/admin/providers?limit=${PROVIDERS_MAX}`, { signal: aborted })).data,
      draw,
    );
  }

  load() {
    return this.#providers.load();
  }

  /** `health`: a row for each upstream that was called of late. */
  view(health) {
    return show(this.#providers, { data: (providers) => this.#table(providers, health) });
  }

  #table(providers, health) {
    const named = new Map(health.map((row) => [row.name, row]));
    const rows = [
      ...providers.map(({ key }) => ({ name: key, ...named.get(key) })),
      ...health.filter(({ name }) => !providers.some(({ key }) => key === name)),
    ];
    if (!rows.length)
      return html`<p class="panel quiet">No provider is set up yet: <a href="/ui/providers">Providers</a>.</p>`;
    return table({
      caption: "Upstreams",
      rows,
      keyOf: ({ name }) => name,
      hrefOf: ({ name }) => withQuery(...pageOf(name)),
      columns: [
        { name: "name", label: "Upstream", primary: true, render: ({ name }) => name },
        { name: "state", label: "State", render: state },
        { name: "requests", label: "Requests", align: "end", render: (row) => count(row.requests ?? 0) },
        {
          name: "failures",
          label: "Failed",
          align: "end",
          render: (row) =>
            row.failures
              ? html`${count(row.failures)} <span class="quiet">${percent(row.failures / row.requests)}</span>`
              : "0",
        },
        {
          name: "p95",
          label: "First byte, p95",
          align: "end",
          wide: true,
          render: (row) => took(row.p95_first_byte_ms),
        },
        { name: "last_ok_at", label: "Last good", wide: true, render: (row) => timeAgo(row.last_ok_at) },
        { name: "test", label: "Now", render: (row) => this.#test(row) },
      ],
    });
  }

  #test({ name }) {
    const said = this.#asked.get(name);
    return html`<span class="test-now"
      ><button type="button" class="button" ?disabled=${said === "asking"} @click=${() => this.#ask(name)}>
        ${said === "asking" ? "Asking…" : "Test now"}
      </button>
      ${said && said !== "asking" ? said.map(verdict) : ""}</span
    >`;
  }

  async #ask(name) {
    this.#asked.set(name, "asking");
    this.#draw();
    try {
      this.#asked.set(name, (await post(testOf(name))).data);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#asked.set(name, [{ ok: false, message: error.message }]);
    }
    const [first] = this.#asked.get(name);
    announce(`${name}: ${first?.message ?? "nothing to ask"}`);
    this.#draw();
  }
}

/** An upstream is a provider, or `model/upstream` where a model says itself where it is. */
function pageOf(name) {
  const [model, upstream] = name.split("/");
  return upstream ? ["/ui/models", { open: model }] : ["/ui/providers", { open: name }];
}

function testOf(name) {
  const [model, upstream] = name.split("/");
  return upstream
    ? `/api/admin/models/${encodeURIComponent(model)}/test`
    : `/api/admin/providers/${encodeURIComponent(name)}/test`;
}

function state({ requests, failures, last_error: error, last_error_at: time }) {
  const isFailing = failures >= FAILURES_MIN && failures / requests > FAILING;
  const shown = isFailing
    ? badge("failing", "bad", "error")
    : requests
      ? badge("answers", "good", "check")
      : badge("not called", "quiet");
  return html`${shown}${error ? html`<span class="sub">${error}, ${timeAgo(time)}</span>` : ""}`;
}

function verdict({ ok, message, latency_ms: ms }) {
  const shown = ok ? badge("works", "good", "check") : badge("fails", "bad", "error");
  const took = ms === null || ms === undefined ? "" : ` ${duration(ms)}.`;
  return html`<span class="test-said">${shown} ${message}${took}</span>`;
}
