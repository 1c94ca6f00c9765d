// The doors of the proxy by which a model can be called, however the server spells them. Pure.

const FORMATS = {
  "chat/completions": "OpenAI Chat Completions",
  completions: "OpenAI Completions, of before chats",
  messages: "Anthropic Messages",
  responses: "OpenAI Responses",
  embeddings: "OpenAI Embeddings",
};

/** `chat/completions` of `/v1/chat/completions`. */
export const endpointName = (path) => path.replace(/^\/?(v1\/)?/, "");
export const endpointPath = (name) => `/v1/${name}`;
/** The name of the format spoken there. */
export const formatName = (name) => FORMATS[name] ?? name;

/** Models with the names of their endpoints: `[{name, endpoints, context}]`. `context`: tokens, or null: not stated. */
export function readModels({ models }) {
  return models.map(({ name, endpoints, context_window: context = null }) => ({
    name,
    endpoints: endpoints.map(endpointName),
    context,
  }));
}

/** The first of `endpoints` by which `model` can be called, or null. */
export const firstOf = (model, endpoints) => endpoints.find((name) => model.endpoints.includes(name)) ?? null;

/** The model that is offered first: one to talk to. Where its price does not tell that one makes embeddings, its name
 * may. */
export const firstModel = (models) => models.find((model) => canTalk(model) && !/embed/i.test(model.name)) ?? models[0];
const canTalk = ({ endpoints }) => endpoints.some((name) => name !== "embeddings");

const BODIES = {
  "chat/completions": (model) => ({ model, messages: [{ role: "user", content: "Hello" }] }),
  messages: (model) => ({ model, max_tokens: 256, messages: [{ role: "user", content: "Hello" }] }),
  responses: (model) => ({ model, input: "Hello", store: false }),
  embeddings: (model) => ({ model, input: "Hello" }),
};

/** A small request to an endpoint, for trying. */
export const sampleBody = (endpoint, model) => BODIES[endpoint](model);
