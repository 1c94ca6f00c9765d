// What a draft of the system prompt comes to: the exact bodies that providers would get, and what its tokens cost.

import { ApiError, post } from "../../api.js";
import { badge } from "../../components/bits.js";
import { skeletonRows } from "../../components/resource.js";
import { exact } from "../../components/receipt-lines.js";
import { amountOf } from "../../cost.js";
import { timesDecimal } from "../../decimal.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";
import { cutTo } from "../../text-diff.js";

const WAIT_MS = 250;
const SENT_MAX = 10_000;
const FORMATS = [
  ["openai", "Chat Completions"],
  ["anthropic", "Messages"],
  ["openai_responses", "Responses"],
  ["gemini", "Gemini"],
];

/** Asks the server for each new draft; `wanted()` gives the draft. The model and the format stand in the address. */
export class PromptPreview {
  #page;
  #found = null;
  #error = null;
  #system = "";
  #timer = null;
  #current = null;
  #asked = null;

  constructor(page) {
    this.#page = page;
    page.signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Ask again shortly, if what is asked for has changed. */
  ask() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), WAIT_MS);
  }

  /** For the first drawing, and for every one after what is in force changed. */
  askOnce() {
    if (this.#asked !== this.#question()) this.ask();
  }

  #question() {
    return JSON.stringify({
      ...this.#page.wanted(),
      model: this.#page.query().get("model"),
      system: this.#system.trim() || null,
    });
  }

  async #load() {
    const question = this.#question();
    if (question === this.#asked) return;
    this.#asked = question;
    this.#current?.abort();
    const current = (this.#current = new AbortController());
    const signal = AbortSignal.any([current.signal, this.#page.signal]);
    try {
      this.#found = await post("/api/admin/settings/preview", JSON.parse(question), { signal });
      this.#error = null;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#error = error;
    }
    this.#page.draw();
  }

  view() {
    const { query, router, models } = this.#page;
    const model = models.data?.find(({ key }) => key === query().get("model")) ?? null;
    const format = FORMATS.some(([name]) => name === query().get("format")) ? query().get("format") : "openai";
    return html`<section class="panel stack" aria-label="Preview">
      <header>
        <h2>What is sent</h2>
        ${this.#source()}
      </header>
      <div class="form-grid">
        <label class="field"
          ><span class="label">To the model</span
          ><select @change=${(event) => router.setQuery({ model: event.target.value })}>
            <option value="" .selected=${!model}>One without a text of its own</option>
            ${(models.data ?? []).map((one) => option(one, one === model))}
          </select></label
        >
        <label class="field"
          ><span class="label">The client's own system text <span class="optional">optional</span></span>
          <textarea
            rows="1"
            .value=${this.#system}
            @input=${(event) => {
              this.#system = event.target.value;
              this.ask();
            }}></textarea>
        </label>
      </div>
      ${when(this.#error, refusal)}
      ${
        this.#found
          ? html`${this.#effect(model)}
              <div class="segments wraps" role="group" aria-label="Format">
                ${FORMATS.map(([name, text]) => choice(text, name === format, () => router.setQuery({ format: name })))}
              </div>
              ${this.#body(this.#found[format], model)}`
          : this.#error
            ? ""
            : skeletonRows(5)
      }
    </section>`;
  }

  #source() {
    if (!this.#found) return "";
    return {
      global: badge("the global text", "info"),
      model: badge("the model's own text", "info"),
      none: badge("nothing is put in", "quiet"),
    }[this.#found.source];
  }

  /** What the text adds to each request. */
  #effect(model) {
    const { applies, tokens_estimated: tokens, cut: isCut, characters } = this.#found;
    if (!applies)
      return html`<p class="quiet">
        ${this.#page.wanted().system_prompt_enabled ? "Requests" : "The master switch is off: requests"} go out as the
        client wrote them.
      </p>`;
    const rate = model?.pricing?.input;
    const cost = rate === undefined || rate === null ? null : amountOf(tokens, rate);
    return html`<p>
      Adds about <strong>${count(tokens)} tokens</strong> of input to each
      request${
        cost !== null
          ? html`, about ${exact(cost)} at ${model.display_name ?? model.key}: ${exact(timesDecimal(cost, 1000))} per
            1,000 requests, billed to the users`
          : ". Choose a model to see what that costs"
      }.
      ${isCut ? html`<strong>Only the first ${count(characters)} characters are sent.</strong>` : ""}
    </p>`;
  }

  #body(sent, model) {
    if (!sent) return html`<p class="quiet">This version has no preview in that format.</p>`;
    const text = JSON.stringify(sent.body, null, 2);
    const ours = this.#found.applies ? JSON.stringify(cutTo(this.#text(model), SENT_MAX)).slice(1, -1) : "";
    return html`<figure class="snippet body">
      <figcaption>POST … ${sent.path}</figcaption>
      <pre tabindex="0" aria-label="Body of the request"><code>${marked(text, ours)}</code></pre>
    </figure>`;
  }

  #text(model) {
    return (this.#found.source === "model" && model?.system_prompt?.text) || this.#page.wanted().system_prompt;
  }
}

/** The injected text stands out. */
function marked(text, ours) {
  const start = ours ? text.indexOf(ours) : -1;
  return start < 0 ? text : html`${text.slice(0, start)}<mark>${ours}</mark>${text.slice(start + ours.length)}`;
}

function option({ key, display_name: name }, isChosen) {
  return html`<option value=${key} .selected=${isChosen}>${name ?? key}</option>`;
}

function choice(text, isChosen, press) {
  return html`<button type="button" aria-pressed=${isChosen} @click=${press}>${text}</button>`;
}

function refusal({ message, requestId }) {
  return html`<p class="field-error" role="alert">${message}${requestId ? ` Request ${requestId}` : ""}</p>`;
}
