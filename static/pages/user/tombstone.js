// A user who was deleted, or never was: what the books and the audit log still say.

import { get, withQuery } from "../../api.js";
import { pageHead, timeAgo } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { ListResource, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { html, when } from "../../html.js";
import { entryColumns } from "../money/entries.js";
import { AUDIT_COLUMNS } from "../audit/columns.js";

export function tombstone({ id, signal, draw }) {
  const entries = new ListResource(
    { signal },
    ({ signal: stop }) => get(withQuery("/api/admin/ledger", { user_id: id }), { signal: stop }),
    draw,
  );
  const audit = new ListResource(
    { signal },
    ({ signal: stop }) => get(withQuery("/api/admin/audit", { target: `user/${id}` }), { signal: stop }),
    draw,
  );
  if (/^\d+$/.test(id)) {
    entries.load();
    audit.load();
  }
  return () => {
    const deletion = audit.rows.find(({ action }) => action === "user.delete");
    const wasThere = deletion || entries.rows.length || audit.rows.length;
    return html`${pageHead(deletion ? `User ${id} is deleted` : `There is no user ${id}`, { back: { href: "/ui/users", text: "Users" } })}
    ${when(
      deletion,
      () =>
        html`<p class="strip" data-tone="warn">
          ${icon("trash")}<span
            >Deleted ${timeAgo(deletion.at)} by ${deletion.actor}. Every key is revoked. The books are kept.</span
          >
          <a class="button" href=${withQuery("/ui/requests", { user_id: id, range: "90d" })}>Requests</a>
        </p>`,
    )}
    ${when(
      wasThere,
      () =>
        html`<section class="stack">
            <h2>Ledger</h2>
            ${states(entries, { data: () => table({ caption: "Ledger of this user", columns: entryColumns({ withUser: false }), rows: entries.rows }), isEmpty: ({ data }) => !data.length, empty: html`<p class="quiet">No entries.</p>` })}
          </section>
          <section class="stack">
            <h2>Audit</h2>
            ${states(audit, { data: () => table({ caption: "Audit of this user", columns: AUDIT_COLUMNS, rows: audit.rows }) })}
          </section>`,
    )}`;
  };
}
