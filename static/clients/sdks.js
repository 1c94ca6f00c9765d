// What programs of one's own need: curl, and the SDKs of both vendors. Pure.

import { endpointPath, sampleBody } from "../endpoints.js";
import { exportLines, quoted, shellWord } from "../quoting.js";

const V1_NOTE =
  "OpenAI clients are told an address with /v1, Anthropic clients one without. Here either works with both.";

export function curl({ base, key, model, endpoint }) {
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
      "The headers of the answer say what it cost: x-quart-proxy-cost and x-quart-proxy-balance.",
      "By its x-request-id you find it under Usage.",
    ],
  };
}

export function openaiPython({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `pip install openai\n${exportLines({ OPENAI_BASE_URL: openaiBase, OPENAI_API_KEY: key })}`,
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

export function openaiNode({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `npm install openai\n${exportLines({ OPENAI_BASE_URL: openaiBase, OPENAI_API_KEY: key })}`,
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

export function anthropicPython({ base, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `pip install anthropic\n${exportLines({ ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY: key })}`,
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

export function anthropicNode({ base, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `npm install @anthropic-ai/sdk\n${exportLines({ ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY: key })}`,
      },
      {
        title: "JavaScript, as chat.mjs",
        text: `import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic(); // reads ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY
const stream = client.messages.stream({
  model: ${quoted(model)},
  max_tokens: 1024,
  messages: [{ role: "user", content: "Hello" }],
});
for await (const event of stream) {
  if (event.type === "content_block_delta") process.stdout.write(event.delta.text ?? "");
}`,
      },
    ],
    notes: [V1_NOTE],
  };
}
