// A chat with a model through the proxy: as clients do it, streamed, billed, with the receipt of every answer.

import { get } from "../api.js";
import { pageHead } from "../components/bits.js";
import { Resource, emptyState, show } from "../components/resource.js";
import { CHAT_ENDPOINTS, MAX_TOKENS_DEFAULT } from "../chat.js";
import { firstModel, firstOf, formatName, readModels } from "../endpoints.js";
import { html, live, when } from "../html.js";
import { conversationOf } from "./playground/conversation.js";
import { turnView } from "./playground/turn.js";

const TOKENS_MAX = 1_000_000;
/** So near to the end one is following the answer. */
const NEAR_PX = 120;
const WIDE = "(min-width: 1001px)";
const LEAD = "Every answer is a real request with your key, and is billed.";
const HINT = "What you send counts as input with every further message of this conversation.";
const STOPPING = "Stopping ends the answer here. What the provider has already done may still be billed, to its usage.";

export default function playground({ query, signal, router, draw }) {
  // On a phone, the conversation comes first.
  const isWide = matchMedia(WIDE).matches;
  const page = () => draw(view());
  const models = new Resource(
    { signal },
    async (aborted) => {
      const all = readModels(await get("/api/user/connect", { signal: aborted }));
      return all.filter((model) => firstOf(model, CHAT_ENDPOINTS));
    },
    () => page(),
  );
  const talk = conversationOf(signal, () => {
    const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - NEAR_PX;
    page();
    // Whoever has scrolled up is reading.
    if (isAtEnd) scrollTo(0, document.documentElement.scrollHeight);
  });

  const model = () => models.data.find(({ name }) => name === query().get("model")) ?? firstModel(models.data);
  const doors = () => CHAT_ENDPOINTS.filter((name) => model().endpoints.includes(name));
  const endpoint = () => doors().find((name) => name === query().get("endpoint")) ?? doors()[0];

  const view = () =>
    html`${pageHead("Playground", {
      lead: LEAD,
      actions: html`<button type="button" class="button" ?disabled=${!talk.turns.length} @click=${() => talk.clear()}>
        New conversation
      </button>`,
    })}
    ${show(models, {
      data: (all) => chatting(),
      isEmpty: (all) => !all.length,
      empty: emptyState({
        iconName: "chat",
        title: "No model to chat with",
        text: "None of the models that this key may call can chat at present.",
        action: html`<a class="button" href="/ui/me/models">See your models</a>`,
      }),
    })}`;

  const chatting = () =>
    html`<div class="playground">
      <details class="panel playground-settings" ?open=${isWide}>
        <summary>Settings</summary>
        <label class="field"
          ><span class="label">Model</span
          ><select @change=${(event) => router.setQuery({ model: event.target.value, endpoint: null })}>
            ${models.data.map(({ name }) => option(name, name, model().name))}
          </select></label
        >
        ${when(
          doors().length > 1,
          () =>
            html`<label class="field"
              ><span class="label">Format</span
              ><select @change=${(event) => router.setQuery({ endpoint: event.target.value })}>
                ${doors().map((name) => option(name, formatName(name), endpoint()))}
              </select></label
            >`,
          () => html`<p class="quiet">Format: ${formatName(endpoint())}</p>`,
        )}
        <label class="field"
          ><span class="label">System text <span class="optional">optional</span></span>
          <textarea
            rows="4"
            .value=${live(talk.system)}
            @input=${(event) => {
              talk.system = event.target.value;
            }}></textarea>
        </label>
        <label class="field"
          ><span class="label">Longest answer, tokens <span class="optional">optional</span></span>
          <input
            type="number"
            min="1"
            max=${TOKENS_MAX}
            step="1"
            inputmode="numeric"
            placeholder=${endpoint() === "messages" ? MAX_TOKENS_DEFAULT : "as the model has it"}
            .value=${live(talk.maxTokens)}
            @input=${(event) => {
              talk.maxTokens = event.target.value;
            }}
        /></label>
      </details>
      <section class="playground-talk" aria-label="Conversation">
        <div class="turns" role="log" aria-label="Messages" aria-live="polite" aria-busy=${talk.isRunning}>
          ${talk.turns.map((turn, at) => turnView(turn, at === talk.turns.length - 1))}
          ${when(!talk.turns.length, () => hint(model().name))}
        </div>
        <form class="composer" @submit=${send}>
          <label class="visually-hidden" for="message">Message</label>
          <textarea
            id="message"
            name="message"
            rows=${isWide ? 3 : 1}
            placeholder="Message"
            .value=${live(talk.draft)}
            @input=${(event) => {
              talk.draft = event.target.value;
            }}
            @keydown=${press}></textarea>
          <div class="actions">
            <span class="quiet" aria-hidden="true">Enter sends, Shift Enter breaks the line</span> ${
              talk.isRunning
                ? html`<button type="button" class="button" data-kind="danger" @click=${stop}>Stop</button>`
                : html`<button type="submit" class="button" data-kind="primary">Send</button>`
            }
          </div>
        </form>
        ${when(talk.isRunning, () => html`<p class="quiet">${STOPPING}</p>`)}
      </section>
    </div>`;

  const send = (event) => {
    event.preventDefault();
    if (talk.isRunning || !talk.draft.trim()) return;
    talk.send({ model: model().name, endpoint: endpoint() });
  };
  /** The button that was pressed goes away: the focus goes back to where one writes. */
  const stop = () => {
    talk.stop();
    document.getElementById("message")?.focus();
  };
  const press = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  };

  page();
  models.load();
  return { onquery: page };
}

const option = (value, text, chosen) => html`<option value=${value} .selected=${value === chosen}>${text}</option>`;
const hint = (name) => html`<p class="quiet playground-hint">Ask ${name} something. ${HINT}</p>`;
