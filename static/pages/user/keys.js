// The keys of one user.

import { get } from "../../api.js";
import { icon } from "../../components/icons.js";
import { ListResource, emptyState, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { html } from "../../html.js";
import { keyColumns } from "../keys/columns.js";

export function keysTab({ id, signal, draw, reload, fresh, createKey, keyCreated }) {
  const list = new ListResource(
    { signal },
    ({ signal: stop }) => get(`/api/admin/users/${id}/keys`, { signal: stop }),
    draw,
  );
  const button = () =>
    html`<button type="button" class="button" data-kind="primary" @click=${createKey}>
      ${icon("plus")}Create key
    </button>`;
  const rows = () => [...list.rows].sort((a, b) => b.id - a.id);

  return {
    load: () => list.load(),
    template: () =>
      states(list, {
        data: () =>
          html`<div class="key-list">
            ${table({
              caption: "Keys",
              columns: keyColumns({ changed: reload, created: keyCreated, withOwner: false }),
              rows: rows(),
              rowTone: (key) => (fresh.has(key.id) ? "new" : key.status === "active" ? null : "quiet"),
            })}
          </div>`,
        isEmpty: ({ data }) => !data.length,
        empty: emptyState({
          title: "No keys yet",
          text: "Without a key, this user cannot call.",
          iconName: "key",
          action: button(),
        }),
      }),
  };
}
