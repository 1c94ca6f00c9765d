// What admins did to this user.

import { get, withQuery } from "../../api.js";
import { ListResource, emptyState, pager, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { html } from "../../html.js";
import { AUDIT_COLUMNS } from "../audit/columns.js";

const nothingYet = () =>
  emptyState({ title: "Nothing was done yet", text: "Changes by admins stand here.", iconName: "shield" });

export function auditTab({ id, signal, router, draw }) {
  const target = `user/${id}`;
  const list = new ListResource(
    { signal },
    ({ cursor, signal: stop }) => get(withQuery("/api/admin/audit", { target, cursor }), { signal: stop }),
    draw,
  );
  const hrefOf = ({ id: open }) => withQuery("/ui/audit", { target, open });
  const rows = () =>
    html`${table({
      caption: "Audit of this user",
      columns: AUDIT_COLUMNS,
      rows: list.rows,
      hrefOf,
      open: (row) => router.go(hrefOf(row)),
    })}${pager(list, "entry", "entries")}`;
  return {
    load: () => list.load(),
    template: () =>
      html`<div class="toolbar">
          <p class="quiet">Newest first. What was done to a key stands with the key.</p>
          <a class="button push" href=${withQuery("/ui/audit", { target })}>Open in the audit log</a>
        </div>
        ${states(list, { data: rows, isEmpty: ({ data }) => !data.length, empty: nothingYet() })}`,
  };
}
