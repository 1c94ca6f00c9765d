// What applications to chat in need. Pure.

import { quoted } from "../quoting.js";
import { dockerNotes } from "./local.js";
import { KEY_VARIABLE, PROVIDER } from "./names.js";

export function openWebui({ base, openaiBase, key }) {
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
    notes: ["It lists every model that this key may call by itself.", ...dockerNotes(base)],
  };
}

export function librechat({ base, openaiBase, key, model }) {
  return {
    blocks: [
      { title: "In .env", text: `${KEY_VARIABLE}=${key}` },
      {
        title: "In librechat.yaml",
        text: `version: 1.2.1
endpoints:
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
    notes: [
      "In a file that is there already, only the entry under custom is new.",
      "LibreChat reads both files when it starts; in Docker, librechat.yaml must be mounted into its container.",
      ...dockerNotes(base),
    ],
  };
}
