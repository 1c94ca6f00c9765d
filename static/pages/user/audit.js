// What admins did to this user.

import { get, withQuery } from "../../api.js";
import { at } from "../../components/bits.js";
import { changeSummary } from "../../components/changes.js";
import { ListResource, emptyState, pager, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { html } from "../../html.js";

export function auditTab({ id, signal, draw }) {
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) =>
      get(withQuery("/api/admin/audit", { target: `user/${id}`, cursor }), { signal: stop }),
    draw,
  );
  return {
    load: () => list.load(),
    template: () =>
      html`<div class="toolbar">
          <p class="quiet">Newest first. Keys have rows of their own.</p>
          <a class="button push" href=${withQuery("/ui/audit", { target: `user/${id}` })}>Open in the audit log</a>
        </div>
        ${states(list, {
          data: () =>
            html`${table({ caption: "Audit of this user", columns: AUDIT_COLUMNS, rows: list.rows })}${pager(list, "row")}`,
          isEmpty: ({ data }) => !data.length,
          empty: emptyState({
            title: "Nothing was done yet",
            text: "Changes by admins stand here.",
            iconName: "shield",
          }),
        })}`,
  };
}

export const AUDIT_COLUMNS = [
  { name: "at", label: "When", primary: true, render: (row) => at(row.at) },
  { name: "actor", label: "Who", render: (row) => row.actor },
  { name: "action", label: "Did", render: (row) => html`<code>${row.action}</code>` },
  { name: "change", label: "Change", render: (row) => changeSummary(row.before, row.after) },
  { name: "address", label: "From", wide: true, render: (row) => row.address ?? "–" },
];
