// What a model is called, and its limits.

import { ownedField } from "../../documents/owned-field.js";
import { html } from "../../html.js";

export function detailsTab(editor) {
  const own = (path, options) => ownedField(editor, path, options);
  const view = () =>
    html`<div class="stack">
      <div class="form-grid wide">
        ${own("display_name", { label: "Display name", hint: `What clients send, in any case. Empty: ${editor.key}.` })}
        ${own("aliases", { label: "Aliases", hint: "Other names that clients may send, divided by commas." })}
      </div>
      ${own("description", { label: "Description", type: "textarea", rows: 2, hint: "For people." })}
      <h3>Limits</h3>
      <div class="form-grid">
        ${own("limits.timeout", { label: "Timeout", placeholder: "120s", hint: "For a whole request." })}
        ${own("limits.first_byte_timeout", { label: "First byte timeout", placeholder: "60s" })}
        ${own("limits.idle_timeout", { label: "Idle timeout", placeholder: "60s", hint: "Between bytes of a stream." })}
        ${own("limits.max_output_tokens", { label: "Most output", suffix: "tokens", inputmode: "numeric" })}
        ${own("limits.context_window", { label: "Context window", suffix: "tokens", inputmode: "numeric" })}
      </div>
      <details class="more-fields">
        <summary>Labels and protection</summary>
        <div class="stack">
          <div class="form-grid">
            ${own("owned_by", { label: "Owned by", hint: "Shown in GET /v1/models." })}
            ${own("tags", { label: "Tags", hint: "Divided by commas." })}
            ${own("groups", { label: "Groups", hint: "Divided by commas." })}
            ${own("visibility", { label: "Visibility" })}
          </div>
          ${own("protect", { label: "Protected: never pruned, even when it has left the file", type: "checkbox" })}
        </div>
      </details>
    </div>`;
  return { view };
}
