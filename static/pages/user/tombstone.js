// A user who was deleted, or never was: what the books and the audit log still say.

import { get, withQuery } from "../../api.js";
import { amount, pageHead, timeAgo } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { ListResource, Resource, pager, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { actorText } from "../../documents/words.js";
import { html, when } from "../../html.js";
import { AUDIT_COLUMNS } from "../audit/columns.js";
import { entryColumns } from "../money/entries.js";

const BACK = { href: "/ui/users", text: "Users" };

export function tombstone({ id, signal, draw }) {
  const list = (path, filter) =>
    new ListResource(
      { signal },
      ({ cursor, signal: stop }) => get(withQuery(path, { ...filter, cursor }), { signal: stop }),
      draw,
    );
  const entries = list("/api/admin/ledger", { user_id: id });
  const audit = list("/api/admin/audit", { target: `user/${id}` });
  const books = new Resource(
    { signal },
    (stop) => get(withQuery("/api/admin/ledger/totals", { user_id: id }), { signal: stop }),
    draw,
  );
  if (/^\d+$/.test(id)) for (const one of [entries, audit, books]) one.load();

  const movements = () =>
    html`${table({ caption: "Ledger of this user", columns: entryColumns({ withUser: false }), rows: entries.rows })}
    ${pager(entries, "entry", "entries")}`;
  const deeds = () =>
    html`${table({ caption: "Audit of this user", columns: AUDIT_COLUMNS, rows: audit.rows })}
    ${pager(audit, "entry", "entries")}`;
  const kept = () =>
    html`<section class="stack">
        <h2>Ledger</h2>
        ${states(entries, {
          data: movements,
          isEmpty: ({ data }) => !data.length,
          empty: html`<p class="quiet">No entries.</p>`,
        })}
      </section>
      <section class="stack">
        <h2>Audit</h2>
        ${states(audit, { data: deeds })}
      </section>`;
  const strip = ({ at, actor }) =>
    html`<p class="strip" data-tone="warn">
      ${icon("trash")}<span
        >Deleted ${timeAgo(at)} by ${actorText(actor)}. Every key is revoked. The books are
        kept${books.data ? html`, with ${amount(books.data.outstanding)} that cannot be used any more` : ""}.</span
      >
      <a class="button" href=${withQuery("/ui/requests", { user_id: id, range: "90d" })}>Requests</a>
    </p>`;

  return () => {
    const deletion = audit.rows.find(({ action }) => action === "user.delete");
    const wasThere = deletion || entries.rows.length || audit.rows.length;
    const name = deletion?.target_name ?? `User ${id}`;
    return html`${pageHead(deletion ? `${name} is deleted` : `There is no user ${id}`, {
      back: BACK,
      lead: deletion ? `User ${id}` : "",
    })}
    ${when(deletion, strip)} ${when(wasThere, kept)}`;
  };
}
