// A small request with the key, to see that it works and what it cost.

import { withQuery } from "../../api.js";
import { amount, fineAmount } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { adviceFor } from "../../advice.js";
import { duration } from "../../format.js";
import { html, when } from "../../html.js";
import { sampleBody } from "../../endpoints.js";
import { ProxyRefusal, callProxy, requestIdOf } from "../../proxy.js";

const TEXT_MAX = 400;

export class TestRequest {
  #signal;
  #draw;
  #current = null;
  #result = null;

  constructor(signal, draw) {
    this.#signal = signal;
    this.#draw = draw;
  }

  /** Forget what was answered: it was about another model or client. */
  clear() {
    this.#current?.abort();
    this.#current = null;
    this.#result = null;
  }

  view({ model, endpoint }) {
    const isBusy = this.#current !== null;
    return html`<section class="panel" aria-label="Test request">
      <header>
        <h2>Does it work?</h2>
        <button
          type="button"
          class="button"
          data-kind="primary"
          ?disabled=${isBusy}
          @click=${() => this.#send(model, endpoint)}>
          ${isBusy ? "Sending…" : "Send a test request"}
        </button>
      </header>
      <p class="quiet">Says “Hello” to ${model} with your key. It is billed like any other request.</p>
      <div role="status">${when(this.#result, (result) => result)}</div>
    </section>`;
  }

  async #send(model, endpoint) {
    this.clear();
    const current = (this.#current = new AbortController());
    const signal = AbortSignal.any([current.signal, this.#signal]);
    const begun = performance.now();
    this.#draw();
    let result = null;
    try {
      const answer = await callProxy(endpoint, {
        body: sampleBody(endpoint, model),
        headers: endpoint === "messages" ? { "anthropic-version": "2023-06-01" } : {},
        signal,
      });
      result = answered(await answer.json(), answer, performance.now() - begun);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ProxyRefusal)) throw error;
      result = refused(error);
    }
    if (signal.aborted) return;
    this.#result = result;
    this.#current = null;
    this.#draw();
  }
}

function answered(body, answer, ms) {
  const id = requestIdOf(answer);
  const text = textOf(body);
  return html`<div class="stack tight">
    <p class="strip" data-tone="good">
      ${icon("check")}<span
        >It works. Answered in ${duration(ms)}, cost ${fineAmount(answer.headers.get("x-quart-proxy-cost"))};
        ${amount(answer.headers.get("x-quart-proxy-balance"))} left.</span
      >
      <a href=${withQuery("/ui/me/usage", { open: id })}>Receipt</a>
    </p>
    ${text ? html`<blockquote class="answer">${text.slice(0, TEXT_MAX)}</blockquote>` : ""}
  </div>`;
}

function refused(refusal) {
  const { message, requestId } = refusal;
  return html`<p class="strip" data-tone="bad">
    ${icon("error")}<span
      ><strong>${adviceFor(refusal)}</strong>
      ${message}${requestId ? html` <span class="quiet">Request ${requestId}</span>` : ""}</span
    >
  </p>`;
}

/** What the model said, in any of the formats. */
function textOf(body) {
  const parts =
    body.choices?.map(({ message }) => message?.content) ??
    body.content?.map(({ text }) => text) ??
    body.output?.flatMap(({ content }) => content ?? []).map(({ text }) => text) ??
    [];
  return parts.filter(Boolean).join("");
}
