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

/** Models with the names of their endpoints: `[{name, endpoints}]`. */
export function readModels(connect) {
  return connect.data
    ? readModels({ models: connect.data })
    : connect.models.map(({ name, endpoints }) => ({ name, endpoints: endpoints.map(endpointName) }));
}

/** The first of `endpoints` by which `model` can be called, or null. */
export const firstOf = (model, endpoints) => endpoints.find((name) => model.endpoints.includes(name)) ?? null;

/** The model that is offered first: one to talk to. Nothing but its name tells that one makes embeddings. */
export const firstModel = (models) => models.find(({ name }) => !/embed/i.test(name)) ?? models[0];
