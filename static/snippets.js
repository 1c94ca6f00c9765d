// What to type into which client so that it talks to this proxy: text out of an address, a key and a model. Pure.
//
// Every value is quoted for the language it stands in, so a model may be called anything.

import { aider, claudeCode, cline, codex, cursor } from "./clients/agents.js";
import { librechat, openWebui } from "./clients/apps.js";
import { anthropicNode, anthropicPython, curl, openaiNode, openaiPython } from "./clients/sdks.js";

const OPENAI = ["chat/completions"];
const ANTHROPIC = ["messages"];
const ANY = ["chat/completions", "messages", "responses", "embeddings"];

/** The clients: which endpoints each calls, the best first, and what makes its snippet. */
export const CLIENTS = [
  { name: "curl", text: "curl", endpoints: ANY, make: curl },
  { name: "openai-python", text: "OpenAI SDK, Python", endpoints: OPENAI, make: openaiPython },
  { name: "openai-node", text: "OpenAI SDK, Node", endpoints: OPENAI, make: openaiNode },
  { name: "anthropic-python", text: "Anthropic SDK, Python", endpoints: ANTHROPIC, make: anthropicPython },
  { name: "anthropic-node", text: "Anthropic SDK, Node", endpoints: ANTHROPIC, make: anthropicNode },
  { name: "claude-code", text: "Claude Code", endpoints: ANTHROPIC, make: claudeCode },
  { name: "codex", text: "Codex CLI", endpoints: ["responses"], make: codex },
  { name: "cline", text: "Cline and Roo Code", endpoints: OPENAI, make: cline },
  { name: "cursor", text: "Cursor", endpoints: OPENAI, make: cursor },
  { name: "aider", text: "aider", endpoints: OPENAI, make: aider },
  { name: "open-webui", text: "Open WebUI", endpoints: OPENAI, make: openWebui },
  { name: "librechat", text: "LibreChat", endpoints: OPENAI, make: librechat },
];

/**
 * `{blocks, notes}` for a client: a block is `{title, text}` to copy whole, or `{title, fields: [[name, value]]}` to
 * type into a form. `base` has no path: `https://host`. `endpoint` is one of the client's. `context`: how many tokens
 * fit into the model, where that is known.
 */
export function snippetsOf(client, { base, key, model, endpoint, context = null }) {
  const { blocks, notes = [] } = client.make({ base, openaiBase: `${base}/v1`, key, model, endpoint, context });
  return { blocks, notes };
}

/** A key of which only its two ends are to be seen. */
export const maskKey = (key) => `${key.slice(0, 7)}...${key.slice(-4)}`;
