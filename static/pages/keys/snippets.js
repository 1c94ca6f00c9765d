// What a new key is shown with: the clients that most people begin with, and the file it is saved as. Pure.

import { CLIENTS, snippetsOf } from "../../snippets.js";

const FIRST = ["curl", "openai-python", "anthropic-python", "claude-code"];

/** `[name, text]` pairs, each the whole of what is to be typed. `model` is one that the key may call. */
export function firstCalls({ key, origin, model }) {
  return FIRST.map((name) => {
    const client = CLIENTS.find((one) => one.name === name);
    const { blocks } = snippetsOf(client, { base: origin, key, model, endpoint: client.endpoints[0] });
    return [client.text, blocks.filter(({ text }) => text).map(({ text }) => text).slice(0, name === "claude-code" ? 1 : 2).join("\n\n")];
  });
}

/** The name of the file that a key is saved as. */
export function fileNameOf(name) {
  return `key-${name.normalize("NFKD").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-.]+|-+$/g, "").slice(0, 60) || "quart-proxy"}.txt`;
}
