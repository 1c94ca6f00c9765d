// The switch that takes a model in and out of service.

import { html } from "../../html.js";

/** `turn(isOn)` is what pressing it does. Where only the file may change it, it says so. */
export function switchFor(row, turn) {
  const isLocked = row.registry?.locked?.includes("enabled") ?? false;
  const name = row.display_name ?? row.key;
  const title = isLocked
    ? `Only the file may change it: ${row.registry.place ?? "models.yaml"}`
    : row.enabled
      ? "Disable"
      : "Enable";
  return html`<button
    type="button"
    class="switch"
    role="switch"
    aria-checked=${row.enabled}
    aria-label=${`${name} enabled`}
    title=${title}
    ?disabled=${isLocked}
    @click=${() => turn(!row.enabled)}>
    <span></span>
  </button>`;
}
