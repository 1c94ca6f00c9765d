// The receipt of one request, in a drawer: what happened, and every line of what it cost.

import { badge, code, copyButton, facts, outcomeBadge } from "../../components/bits.js";
import { receiptLines } from "../../components/receipt-lines.js";
import { html, when } from "../../html.js";
import { times } from "./times.js";
import { advice, curl, endpointPath, endpointText, errorSource, verdict } from "./words.js";

const SOURCES = { gateway: "this gateway", upstream: "the provider", client: "the client" };

/** `receipt`: the answer of /usage/{id}. `isAdmin` shows who it was for and who answered. `page` lists requests. */
export function receiptBody(receipt, { isAdmin, page }) {
  return html`<div class="request">
    <p class="verdict" data-tone=${errorSource(receipt) ? "bad" : "good"}>
      ${outcomeBadge(receipt.outcome)} <span>${verdict(receipt)}</span>
    </p>
    <section>
      <h3>Cost</h3>
      ${receipt.lines.length ? receiptLines(receipt) : nothingCounted()}
    </section>
    ${when(errorSource(receipt), (source) => error(receipt, source, isAdmin))}
    <section>
      <h3>Time</h3>
      ${times(receipt)}
    </section>
    <section>
      <h3>What was asked</h3>
      ${facts([
        isAdmin && ["User", user(receipt, page)],
        ["API key", key(receipt, isAdmin, page)],
        ["Model", model(receipt, isAdmin, page)],
        isAdmin && receipt.actual_model && [hasAnswered(receipt) ? "Answered by" : "Sent to", served(receipt)],
        ["API", api(receipt)],
        receipt.client_agent && ["Client", receipt.client_agent],
      ])}
    </section>
    <section>
      <h3>Ids</h3>
      ${facts([
        ["Request", code(receipt.request_id, "Copy the request id")],
        receipt.answer_id && ["Answer", code(receipt.answer_id, "Copy the answer's id")],
        receipt.client_request_id && ["Client's own", code(receipt.client_request_id, "Copy the client's id")],
        isAdmin &&
          receipt.upstream_request_id && ["Provider's", code(receipt.upstream_request_id, "Copy the provider's id")],
      ])}
    </section>
    <p class="quiet">Prompts and answers are not kept.</p>
    <div class="actions">
      ${copyButton(addressOf(receipt, page), "Copy link", { quiet: false })}
      ${copyButton(curl(receipt, location.origin), "Copy as curl", { quiet: false })}
      ${copyButton(JSON.stringify(receipt, null, 2), "Copy as JSON", { quiet: false })}
    </div>
  </div>`;
}

const nothingCounted = () => html`<p class="quiet">Nothing was counted, so there is nothing to charge.</p>`;

function error(receipt, source, isAdmin) {
  const tone = source === "upstream" ? "bad" : "warn";
  return html`<section>
    <h3>Error</h3>
    ${facts([
      ["Where it comes from", badge(SOURCES[source], tone, "warning")],
      receipt.error_code && ["Code", code(receipt.error_code, "Copy the error code")],
      ["Answered to the client", receipt.status],
      isAdmin && advice(receipt) && ["What it means", advice(receipt)],
      isAdmin && receipt.upstream_status && ["Answered by the provider", receipt.upstream_status],
    ])}
  </section>`;
}

// --- who, with what, where ---

const aside = (page, name, value, text) =>
  html`<a class="aside" href=${`${page}?${name}=${encodeURIComponent(value)}`}>${text}</a>`;

function user({ user_id: id, user_name: name }, page) {
  return html`<a href=${`/ui/users/${id}`}>${name ?? `User ${id}`}</a> ${aside(page, "user_id", id, "their requests")}`;
}

function key({ key_id: id, key_name: name }, isAdmin, page) {
  const called = name ?? `Key ${id}`;
  return html`${isAdmin ? html`<a href=${`/ui/keys?open=${id}`}>${called}</a>` : called}
  ${aside(page, "key_id", id, "requests with it")}`;
}

function model({ model: name }, isAdmin, page) {
  return html`${isAdmin ? html`<a href=${`/ui/models?open=${encodeURIComponent(name)}`}>${name}</a>` : name}
  ${aside(page, "model", name, "requests to it")}`;
}

const served = ({ actual_model: name, upstream }) => `${name}${upstream ? ` at ${upstream}` : ""}`;

const api = ({ endpoint, streamed }) =>
  `${endpointText(endpoint)} (${endpointPath(endpoint)})${streamed ? ", streamed" : ""}`;

/** Whether anything came of the last upstream but a refusal. */
const hasAnswered = ({ outcome, first_byte_ms: first }) => outcome === "completed" || first !== null;

/** The receipt alone, whatever list it was opened from. */
const addressOf = ({ request_id: id }, page) => `${location.origin}${page}?open=${id}`;
