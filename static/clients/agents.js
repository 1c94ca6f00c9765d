// What tools that write code need: Claude Code, Codex, aider and editors. Pure.

import { exportLines, quoted, shellWord } from "../quoting.js";
import { isLocal } from "./local.js";
import { KEY_VARIABLE, PROVIDER } from "./names.js";

export function claudeCode({ base, key, model, context }) {
  const variables = {
    ANTHROPIC_BASE_URL: base,
    ANTHROPIC_AUTH_TOKEN: key,
    ANTHROPIC_MODEL: model,
    ANTHROPIC_DEFAULT_OPUS_MODEL: model,
    ANTHROPIC_DEFAULT_SONNET_MODEL: model,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
    ...(context ? { CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(context) } : {}),
  };
  return {
    blocks: [
      { title: "In a shell", text: `unset ANTHROPIC_API_KEY\n${exportLines(variables)}\nclaude` },
      {
        title: "Or for good, in ~/.claude/settings.json",
        text: JSON.stringify({ env: { ...variables, ANTHROPIC_API_KEY: "" } }, null, 2),
      },
    ],
    notes: [
      "/status inside Claude Code shows the address that it uses.",
      "Keep the key out of a project's own settings: they are shared with its repository.",
      ...(context
        ? []
        : ["It guesses how much fits into a model that it does not know: CLAUDE_CODE_MAX_CONTEXT_TOKENS tells it."]),
    ],
  };
}

export function codex({ openaiBase, key, model, context }) {
  return {
    blocks: [
      {
        title: "In ~/.codex/config.toml",
        text: `model = ${quoted(model)}
model_provider = "${PROVIDER}"${context ? `\nmodel_context_window = ${context}` : ""}

[model_providers.${PROVIDER}]
name = "${PROVIDER}"
base_url = ${quoted(openaiBase)}
env_key = "${KEY_VARIABLE}"
wire_api = "responses"`,
      },
      { title: "In a shell", text: `${exportLines({ [KEY_VARIABLE]: key })}\ncodex` },
    ],
    notes: ["The lines before the first section stand above every [section] of the file."],
  };
}

export function aider({ openaiBase, key, model }) {
  return {
    blocks: [
      {
        title: "In a shell",
        text: `${exportLines({ OPENAI_API_BASE: openaiBase, OPENAI_API_KEY: key })}
aider --model ${shellWord(`openai/${model}`)}`,
      },
    ],
    notes: ["The openai/ in front says which format aider speaks; it is not part of the model's name."],
  };
}

export function cline({ openaiBase, key, model }) {
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

export function cursor({ base, openaiBase, key, model }) {
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
      "Chats go to this address; what completes code while you type stays with Cursor's own models.",
      ...(isLocal(base) ? [`${new URL(base).host} is not: Cursor cannot reach it.`] : []),
    ],
  };
}
