// The table of requests: what each row shows, and the sums under it.

import { amount, badge, fineAmount, outcomeBadge, quantity, took } from "../../components/bits.js";
import { ago, duration, moment, plural } from "../../format.js";
import { html, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { endpointText } from "./words.js";

/** The columns for an admin, or for a user, who knows who they are. */
export function requestColumns({ isAdmin }) {
  return [
    { name: "time", label: "Time", primary: true, render: (row) => clockTime(row) },
    {
      name: "outcome",
      label: "Outcome",
      render: (row) =>
        html`${stateBadge(row)}${when(row.error_code, (error) => sub(`${row.status} ${error}`))}${failover(row)}`,
    },
    ...(isAdmin
      ? [
          {
            name: "user",
            label: "User",
            render: (row) =>
              html`${row.user_name ?? `User ${row.user_id}`}<span class="sub"
                  >${row.key_name ?? `Key ${row.key_id}`}</span
                >`,
          },
        ]
      : [{ name: "key", label: "Key", render: (row) => row.key_name ?? `Key ${row.key_id}` }]),
    {
      name: "model",
      label: "Model",
      render: (row) =>
        html`${row.model}<span class="sub nowrap"
            >${endpointText(row.endpoint)}${row.streamed ? ", streamed" : ""}</span
          >`,
    },
    {
      name: "input",
      label: "Input",
      align: "end",
      render: ({ tokens }) => (tokens ? html`${quantity(tokens.input)}${cached(tokens)}` : "–"),
    },
    { name: "output", label: "Output", align: "end", render: ({ tokens }) => (tokens ? quantity(tokens.output) : "–") },
    {
      name: "cost",
      label: "Cost",
      align: "end",
      render: (row) => (row.cost === undefined ? "–" : fineAmount(row.cost)),
    },
    {
      name: "took",
      label: "Took",
      align: "end",
      wide: true,
      render: (row) => html`${took(row.duration_ms ?? row.elapsed_ms)}${when(row.first_byte_ms, firstToken)}`,
    },
  ];
}

/** The sums of all rows that the filters leave, whatever part of them is shown. */
export function totalCells({ requests, cost, tokens }) {
  return {
    time: plural(requests, "request"),
    input: html`${quantity(tokens.input)}${cached(tokens)}`,
    output: quantity(tokens.output),
    cost: amount(cost),
  };
}

export function rowTone(row) {
  return row.state && row.state !== "settled" ? "running" : row.isNew ? "new" : null;
}

function clockTime({ started_at: time }) {
  const [day, clock] = moment(time, preferences.zone).split(" ");
  return html`<time datetime=${time} title=${`${day} ${clock} ${preferences.zone}, ${ago(time, Date.now())}`}
    >${clock}<span class="sub nowrap">${day}</span></time
  >`;
}

const sub = (text) => html`<span class="sub">${text}</span>`;
const firstToken = (ms) => html`<span class="sub nowrap" title="Until the first token">first ${duration(ms)}</span>`;

/** That the first upstream was not the one that answered. */
function failover({ attempts, state }) {
  if (!attempts?.length || (state && state !== "settled")) return "";
  return sub(`after ${plural(attempts.length, "failed attempt")}`);
}

function stateBadge(row) {
  if (row.state === "waiting") return badge("waiting", "quiet", "clock");
  if (row.state === "streaming") return html`${badge("streaming", "info", "live")}${sub(duration(row.elapsed_ms))}`;
  return outcomeBadge(row.outcome);
}

function cached({ cached_input: read, cache_write: written, cache_write_1h: kept }) {
  const parts = [
    read && html`${quantity(read)} cached`,
    written + kept && html`${quantity(written + kept)} written`,
  ].filter(Boolean);
  return parts.map((part) => html`<span class="sub nowrap">+ ${part}</span>`);
}
