// The models that the global system prompt does not reach: they have a text of their own, or none by choice.

import { withQuery } from "../../api.js";
import { badge } from "../../components/bits.js";
import { table } from "../../components/table.js";
import { count } from "../../format.js";
import { html } from "../../html.js";
import { characters } from "../../text-diff.js";

export function modelPrompts(models) {
  const rows = models.filter(({ system_prompt: prompt }) => prompt && (prompt.disabled || prompt.text || prompt.mode));
  if (!rows.length)
    return html`<p class="panel quiet">
      Every model takes the global text. A model can have a text of its own, or none: <a href="/ui/models">Models</a>.
    </p>`;
  return table({
    caption: "Models with a system prompt of their own, or none",
    rows,
    keyOf: ({ key }) => key,
    hrefOf: ({ key }) => withQuery("/ui/models", { open: key, tab: "prompt" }),
    columns: [
      { name: "name", label: "Model", primary: true, render: ({ key, display_name: name }) => name ?? key },
      { name: "what", label: "What it gets", render: ({ system_prompt: prompt }) => state(prompt) },
      {
        name: "mode",
        label: "Where it goes",
        render: ({ system_prompt: { mode } }) =>
          mode === "replace" ? "replaces the client's" : mode === "prepend" ? "before the client's" : "as everywhere",
      },
      {
        name: "length",
        label: "Characters",
        align: "end",
        wide: true,
        render: ({ system_prompt: { text } }) => (text ? count(characters(text)) : "–"),
      },
    ],
  });
}

function state({ disabled, text }) {
  if (disabled) return badge("none: disabled", "warn");
  return text ? badge("its own text", "info") : badge("the global text", "quiet");
}
