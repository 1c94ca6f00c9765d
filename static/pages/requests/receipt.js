// The receipt of one request, in a drawer: what happened, and every line of what it cost.

import { at, badge, code, copyButton, facts, outcomeBadge } from "../../components/bits.js";
import { receiptLines } from "../../components/receipt-lines.js";
import { duration } from "../../format.js";
import { html, svg, when } from "../../html.js";
import { advice, attemptText, curl, endpointPath, endpointText, errorSource, timeline, verdict } from "./words.js";

const SOURCES = { gateway: "this gateway", upstream: "the provider", client: "the client" };

/** `receipt`: the answer of /usage/{id}. `isAdmin` shows who it was for and who answered. `page`: where requests are listed. */
export function receiptBody(receipt, { isAdmin, page }) {
  return html`<div class="request">
    <p class="verdict" data-tone=${errorSource(receipt) ? "bad" : "good"}>
      ${outcomeBadge(receipt.outcome)} <span>${verdict(receipt)}</span>
    </p>
    <section>
      <h3>Cost</h3>
      ${receipt.lines.length ? receiptLines(receipt) : html`<p class="quiet">Nothing was counted, so there is nothing to charge.</p>`}
    </section>
    ${when(
      errorSource(receipt),
      (source) =>
        html`<section>
          <h3>Error</h3>
          ${facts([
            ["Where it comes from", badge(SOURCES[source], source === "upstream" ? "bad" : "warn", "warning")],
            receipt.error_code && ["Code", code(receipt.error_code, "Copy the error code")],
            ["Answered to the client", receipt.status],
            isAdmin && advice(receipt) && ["What it means", advice(receipt)],
            isAdmin && receipt.upstream_status && ["Answered by the provider", receipt.upstream_status],
          ])}
        </section>`,
    )}
    <section>
      <h3>Time</h3>
      ${times(receipt)}
    </section>
    <section>
      <h3>What was asked</h3>
      ${facts([
        isAdmin && [
          "User",
          html`<a href=${`/ui/users/${receipt.user_id}`}>${receipt.user_name ?? `User ${receipt.user_id}`}</a>
            <a class="aside" href=${`${page}?user_id=${receipt.user_id}`}>their requests</a>`,
        ],
        [
          "API key",
          html`${isAdmin ? html`<a href=${`/ui/keys?open=${receipt.key_id}`}>${receipt.key_name ?? `Key ${receipt.key_id}`}</a>` : (receipt.key_name ?? `Key ${receipt.key_id}`)}
            <a class="aside" href=${`${page}?key_id=${receipt.key_id}`}>requests with it</a>`,
        ],
        [
          "Model",
          html`${isAdmin ? html`<a href=${`/ui/models?open=${encodeURIComponent(receipt.model)}`}>${receipt.model}</a>` : receipt.model}
            <a class="aside" href=${`${page}?model=${encodeURIComponent(receipt.model)}`}>requests to it</a>`,
        ],
        isAdmin &&
          receipt.actual_model && [
            "Answered by",
            `${receipt.actual_model}${receipt.upstream ? ` at ${receipt.upstream}` : ""}`,
          ],
        isAdmin &&
          receipt.attempts?.length && [
            "Tried before",
            receipt.attempts.map((one) => html`<div>${attemptText(one)}</div>`),
          ],
        [
          "API",
          `${endpointText(receipt.endpoint)} (${endpointPath(receipt.endpoint)})${receipt.streamed ? ", streamed" : ""}`,
        ],
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
      ${copyButton(curl(receipt, location.origin), "Copy as curl", { quiet: false })}
      ${copyButton(JSON.stringify(receipt, null, 2), "Copy as JSON", { quiet: false })}
    </div>
  </div>`;
}

function times(receipt) {
  const parts = timeline(receipt);
  let from = 0;
  return html`${when(
    parts.length,
    () =>
      html`<svg class="timeline" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
        ${parts.map((part, index) => {
          const x = from;
          from += part.share * 100;
          return svg`<rect class=${`mark series-${index === 0 && parts.length > 1 ? "other" : 0}`} x=${x} width=${Math.max(0.5, part.share * 100)} height="4"></rect>`;
        })}
      </svg>`,
  )}
  ${facts([["Started", at(receipt.started_at)], ...parts.map(({ name, ms }) => [name, duration(ms)]), parts.length > 1 && ["In all", duration(receipt.duration_ms)]])}`;
}
