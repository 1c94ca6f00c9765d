// Ready text for the first call with a key. `origin` is this server's address. Pure.

/** `[name, text]` pairs. `model` is one that the key may call. */
export function snippetsFor({ key, origin, model }) {
  return [
    ["curl", `curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`],
    ["Python, OpenAI", `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`],
    ["Python, Anthropic", `from anthropic import Anthropic

client = Anthropic(base_url="${origin}", api_key="${key}")
answer = client.messages.create(
    model="${model}",
    max_tokens=256,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content[0].text)`],
    ["Claude Code", `export ANTHROPIC_BASE_URL=${origin}
export ANTHROPIC_AUTH_TOKEN=${key}
export ANTHROPIC_MODEL=${model}
claude`],
    ["Environment", `OPENAI_BASE_URL=${origin}/v1
OPENAI_API_KEY=${key}
ANTHROPIC_BASE_URL=${origin}
ANTHROPIC_AUTH_TOKEN=${key}`],
  ];
}

/** The name of the file that a key is saved as. */
export function fileNameOf(name) {
  return `key-${name.normalize("NFKD").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-.]+|-+$/g, "").slice(0, 60) || "quart-proxy"}.txt`;
}
