// What a new key is shown with: the clients that most people begin with. Pure.

import { firstOf } from "../../endpoints.js";
import { CLIENTS, snippetsOf } from "../../snippets.js";

const FIRST = ["curl", "openai-python", "anthropic-python", "claude-code"];

/** `[name, text]` pairs, each the whole of what is to be typed. `models` are those that the key may call, each with its
 * endpoints; a client is shown with one that it can reach, and without any with the word MODEL in its place. */
export function firstCalls({ key, origin, models = [] }) {
  return FIRST.map((name) => {
    const client = CLIENTS.find((one) => one.name === name);
    const found = models.find((model) => firstOf(model, client.endpoints));
    const { blocks } = snippetsOf(client, {
      base: origin,
      key,
      model: found?.name ?? "MODEL",
      context: found?.context,
      endpoint: found ? firstOf(found, client.endpoints) : client.endpoints[0],
    });
    return [
      client.text,
      blocks
        .filter(({ text }) => text)
        .slice(0, name === "claude-code" ? 1 : 2)
        .map(inShell)
        .join("\n"),
    ];
  });
}

/** All of it goes into one shell, at one paste. */
function inShell({ title, text }) {
  return title === "Python" ? `python3 - <<'EOF'\n${text}\nEOF` : text;
}
