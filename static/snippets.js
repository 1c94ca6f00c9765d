// What to type into which client so that it talks to this proxy: text out of an address, a key and a model. Pure.
//
// Every value is quoted for the language it stands in, so a model may be called anything.

import { endpointPath } from "./endpoints.js";

const OPENAI = ["chat/completions"];
const ANTHROPIC = ["messages"];
const PROVIDER = "quart-proxy";
const KEY_VARIABLE = "QUART_PROXY_API_KEY";

/** The clients: which endpoints each calls, the best first, and what makes its snippet. Any model answers at all but embeddings. */
export const CLIENTS = [
  { name: "curl", text: "curl", endpoints: ["chat/completions", "messages", "responses", "embeddings"], make: curl },
  { name: "openai-python", text: "OpenAI SDK, Python", endpoints: OPENAI, make: openaiPython },
  { name: "openai-node", text: "OpenAI SDK, Node", endpoints: OPENAI, make: openaiNode },
  { name: "anthropic-python", text: "Anthropic SDK, Python", endpoints: ANTHROPIC, make: anthropicPython },
  { name: "claude-code", text: "Claude Code", endpoints: ANTHROPIC, make: claudeCode },
  { name: "codex", text: "Codex CLI", endpoints: ["responses"], make: codex },
  { name: "cline", text: "Cline and Roo Code", endpoints: OPENAI, make: cline },
  { name: "cursor", text: "Cursor", endpoints: OPENAI, make: cursor },
  { name: "aider", text: "aider", endpoints: OPENAI, make: aider },
  { name: "open-webui", text: "Open WebUI", endpoints: OPENAI, make: openWebui },
  { name: "librechat", text: "LibreChat", endpoints: OPENAI, make: librechat },
];

/**
 * `{blocks, notes}` for a client: a block is `{title, text}` to copy whole, or `{title, fields: [[name, value]]}` to type into
 * a form. `base` has no path: `https://host`. `endpoint` is one of the client's.
 */
export function snippetsOf(client, { base, key, model, endpoint }) {
  const { blocks, notes = [] } = client.make({ base, openaiBase: `${base}/v1`, key, model, endpoint });
  return { blocks, notes };
}

/** A key of which only its two ends are to be seen. */
export const maskKey = (key) => `${key.slice(0, 7)}...${key.slice(-4)}`;

/** Whether other machines cannot reach that address. */
export function isLocal(base) {
  const { hostname } = new URL(base);
  return /^(localhost|.+\.localhost|.+\.local|(127|10)(\.\d+){3}|(192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d+){2}|\[::1\]|\[f[cd].*\])$/.test(
    hostname,
  );
}

// --- quoting ------------------------------------------------------------------------------------------

/** A word for a POSIX shell. */
export const shellWord = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
/** A string that JSON, Python, JavaScript, TOML and YAML all read alike. */
export const quoted = (text) =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
const exports = (variables) =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellWord(value)}`)
    .join("\n");

// --- clients ------------------------------------------------------------------------------------------

const BODIES = {
  "chat/completions": (model) => ({ model, messages: [{ role: "user", content: "Hello" }] }),
  messages: (model) => ({ model, max_tokens: 256, messages: [{ role: "user", content: "Hello" }] }),
  responses: (model) => ({ model, input: "Hello", store: false }),
  embeddings: (model) => ({ model, input: "Hello" }),
};

/** A small request to an endpoint, for trying. */
export const sampleBody = (endpoint, model) => BODIES[endpoint](model);

function curl({ base, key, model, endpoint }) {
  const isAnthropic = endpoint === "messages";
  const headers = [
    isAnthropic ? `x-api-key: ${key}` : `Authorization: Bearer ${key}`,
    ...(isAnthropic ? ["anthropic-version: 2023-06-01"] : []),
    "Content-Type: application/json",
  ];
  const parts = [
    `curl -i ${shellWord(base + endpointPath(endpoint))}`,
    ...headers.map((header) => `-H ${shellWord(header)}`),
    `-d ${shellWord(JSON.stringify(sampleBody(endpoint, model)))}`,
  ];
  return {
    blocks: [{ title: "In a shell", text: parts.join(" \\\n  ") }],
    notes: [
      "The headers of the answer say what it cost: x-quart-proxy-cost, x-quart-proxy-balance, and x-request-id to find it under Usage.",
    ],
  };
}

function openaiPython({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `pip install openai\n${exports({ OPENAI_BASE_URL: openaiBase, OPENAI_API_KEY: key })}`,
      },
      {
        title: "Python",
        text: `from openai import OpenAI

client = OpenAI()  # reads OPENAI_BASE_URL and OPENAI_API_KEY
stream = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": "Hello"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`,
      },
    ],
    notes: [V1_NOTE],
  };
}

function openaiNode({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `npm install openai\n${exports({ OPENAI_BASE_URL: openaiBase, OPENAI_API_KEY: key })}`,
      },
      {
        title: "JavaScript, as chat.mjs",
        text: `import OpenAI from "openai";

const client = new OpenAI(); // reads OPENAI_BASE_URL and OPENAI_API_KEY
const stream = await client.chat.completions.create({
  model: ${quoted(model)},
  messages: [{ role: "user", content: "Hello" }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`,
      },
    ],
    notes: [V1_NOTE],
  };
}

const V1_NOTE =
  "OpenAI clients are told an address with /v1, Anthropic clients one without. Here either works with both.";

function anthropicPython({ base, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `pip install anthropic\n${exports({ ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY: key })}`,
      },
      {
        title: "Python",
        text: `from anthropic import Anthropic

client = Anthropic()  # reads ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY
with client.messages.stream(
    model=${quoted(model)},
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)`,
      },
    ],
    notes: [V1_NOTE],
  };
}

function claudeCode({ base, key, model }) {
  const variables = {
    ANTHROPIC_BASE_URL: base,
    ANTHROPIC_AUTH_TOKEN: key,
    ANTHROPIC_MODEL: model,
    ANTHROPIC_DEFAULT_OPUS_MODEL: model,
    ANTHROPIC_DEFAULT_SONNET_MODEL: model,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
  };
  return {
    blocks: [
      { title: "In a shell", text: `unset ANTHROPIC_API_KEY\n${exports(variables)}\nclaude` },
      {
        title: "Or for good, in ~/.claude/settings.json",
        text: JSON.stringify({ env: { ...variables, ANTHROPIC_API_KEY: "" } }, null, 2),
      },
    ],
    notes: [
      "/status inside Claude Code shows the address that it uses.",
      "Keep the key out of a project's own settings: they are shared with its repository.",
    ],
  };
}

function codex({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In ~/.codex/config.toml",
        text: `model = ${quoted(model)}
model_provider = "${PROVIDER}"

[model_providers.${PROVIDER}]
name = "${PROVIDER}"
base_url = ${quoted(openaiBase)}
env_key = "${KEY_VARIABLE}"
wire_api = "responses"`,
      },
      { title: "In a shell", text: `${exports({ [KEY_VARIABLE]: key })}\ncodex` },
    ],
    notes: ["The two lines about the model stand above every [section] of the file."],
  };
}

function cline({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In the extension's settings",
        fields: [
          ["API provider", "OpenAI Compatible"],
          ["Base URL", openaiBase],
          ["API key", key],
          ["Model ID", model],
        ],
      },
    ],
    notes: ["The model ID must be spelled exactly so."],
  };
}

function cursor({ base, openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "Settings, Models, API keys",
        fields: [
          ["OpenAI API key", key],
          ["Override OpenAI base URL", openaiBase],
          ["Add a custom model", model],
        ],
      },
    ],
    notes: [
      "Cursor calls from its own servers, so the address must be public.",
      ...(isLocal(base) ? [`${new URL(base).host} is not: Cursor cannot reach it.`] : []),
    ],
  };
}

function aider({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `${exports({ OPENAI_API_BASE: openaiBase, OPENAI_API_KEY: key })}
aider --model ${shellWord(`openai/${model}`)}`,
      },
    ],
    notes: ["The openai/ in front says which format aider speaks; it is not part of the model's name."],
  };
}

function openWebui({ base, openaiBase, key }) {
  const notes = ["It lists every model that this key may call by itself."];
  if (isLocal(base)) {
    const url = new URL(base);
    url.hostname = "host.docker.internal";
    notes.push(`Inside Docker, this machine is called host.docker.internal: use ${url.origin}/v1 there.`);
  }
  return {
    blocks: [
      {
        title: "Admin settings, Connections, OpenAI",
        fields: [
          ["URL", openaiBase],
          ["API key", key],
        ],
      },
    ],
    notes,
  };
}

function librechat({ openaiBase, key, model }) {
  return {
    blocks: [
      { title: "In .env", text: `${KEY_VARIABLE}=${key}` },
      {
        title: "In librechat.yaml",
        text: `endpoints:
  custom:
    - name: "${PROVIDER}"
      apiKey: "\${${KEY_VARIABLE}}"
      baseURL: ${quoted(openaiBase)}
      models:
        default: [${quoted(model)}]
        fetch: true
      titleConvo: true
      titleModel: "current_model"`,
      },
    ],
    notes: ["LibreChat in Docker must be able to reach this address from inside its container."],
  };
}
