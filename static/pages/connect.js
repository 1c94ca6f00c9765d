// Which client, which model: what to type where, with this host and this key, and a request to see that it works.

import { get, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource, emptyState, show } from "../components/resource.js";
import { firstModel, firstOf, formatName, readModels } from "../endpoints.js";
import { html, when } from "../html.js";
import { session } from "../session.js";
import { CLIENTS, maskKey, snippetsOf } from "../snippets.js";
import { TestRequest } from "./connect/test-request.js";
import { snippetBlock } from "./connect/snippet-block.js";
import { noModels } from "./me/no-models.js";

const LEAD = "What to type into which client, with this address and your key.";
const SHOWN = "The key is on the screen.";
const HIDDEN = "The key is hidden here, and whole in what the buttons copy.";

export default function connect({ query, signal, router, draw }) {
  let isShown = false;
  const page = () => draw(view());
  const models = new Resource(
    { signal },
    async (aborted) => readModels(await get("/api/user/connect", { signal: aborted })),
    () => page(),
  );
  const test = new TestRequest(signal, () => page());

  const client = () => CLIENTS.find(({ name }) => name === query().get("client")) ?? CLIENTS[0];
  /** The models that this client can call: one for embeddings is none for a chat. */
  const offered = () => models.data.filter((model) => firstOf(model, client().endpoints));
  /** What the address chooses, each the first of its kind where it says nothing that there is. */
  const chosen = () => {
    const model = offered().find(({ name }) => name === query().get("model")) ?? firstModel(offered());
    const doors = client().endpoints.filter((name) => model.endpoints.includes(name));
    const endpoint = doors.find((name) => name === query().get("endpoint")) ?? doors[0];
    return { client: client(), model, doors, endpoint };
  };
  const hrefOf = (name) => withQuery("/ui/me/connect", { client: name, model: query().get("model") });

  const view = () =>
    html`${pageHead("Connect", { lead: LEAD })}
      <nav class="clients" aria-label="Client">${CLIENTS.map((one) => pill(one))}</nav>
      ${show(models, { data: guide })}`;
  const guide = (all) => {
    if (!all.length) return noModels("plug");
    return offered().length ? instructions(chosen()) : noneFor(client());
  };

  const pill = ({ name, text }) =>
    html`<a href=${hrefOf(name)} aria-current=${name === client().name ? "page" : "false"}>${text}</a>`;

  const instructions = ({ client: one, model, doors, endpoint }) => {
    const values = { base: location.origin, model: model.name, context: model.context, endpoint };
    const real = snippetsOf(one, { ...values, key: session.userKey });
    const seen = isShown ? real : snippetsOf(one, { ...values, key: maskKey(session.userKey) });
    return html`<section class="stack" aria-label=${one.text}>
      <div class="toolbar">
        ${modelFilter(model)} ${when(doors.length > 1, () => formatFilter(doors, endpoint))} ${keySwitch()}
      </div>
      ${seen.blocks.map((block, at) => snippetBlock(block, real.blocks[at]))}
      <ul class="notes">
        ${seen.notes.map((note) => html`<li>${note}</li>`)}
        <li>${isShown ? SHOWN : HIDDEN} Keep it out of repositories and chats: whoever has it spends your balance.</li>
      </ul>
      ${test.view({ model: model.name, endpoint })}
    </section>`;
  };

  const modelFilter = (model) =>
    html`<label class="filter"
      >Model
      <select @change=${(event) => router.setQuery({ model: event.target.value, endpoint: null })}>
        ${offered().map(({ name }) => html`<option value=${name} .selected=${name === model.name}>${name}</option>`)}
      </select></label
    >`;
  const formatFilter = (doors, endpoint) =>
    html`<label class="filter"
      >Format
      <select @change=${(event) => router.setQuery({ endpoint: event.target.value })}>
        ${doors.map((name) => html`<option value=${name} .selected=${name === endpoint}>${formatName(name)}</option>`)}
      </select></label
    >`;
  const keySwitch = () =>
    html`<button type="button" class="button push" aria-pressed=${isShown} @click=${turnKey}>
      ${icon("key")}${isShown ? "Hide the key" : "Show the key"}
    </button>`;
  const turnKey = () => {
    isShown = !isShown;
    page();
  };

  const noneFor = ({ text }) =>
    emptyState({
      iconName: "plug",
      title: `No model for ${text}`,
      text: "None of the models that this key may call can chat at present.",
      action: html`<a class="button" href="/ui/me/models">See your models</a>`,
    });

  page();
  models.load();
  return {
    onquery: () => {
      test.clear();
      page();
    },
  };
}
