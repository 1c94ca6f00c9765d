// Every revision of the registry: who, when, what; and the way back to one.

import { ApiError, get, withQuery } from "../../api.js";
import { at, badge, timeAgo } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { icon } from "../../components/icons.js";
import { ListResource, emptyState, failure, pager, show, skeletonRows } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { actorText } from "../../documents/words.js";
import { html, when } from "../../html.js";
import { changeList } from "./change-list.js";
import { openRollback } from "./rollback.js";

const DONE = { create: "created", restore: "restored", update: "changed", rename: "renamed", delete: "deleted" };
const KINDS = { sync: "sync", apply: "apply", ui: "page", rollback: "rollback", revert: "revert", adopt: "adopt" };

export function historyTab({ signal, query, redraw, changed, router }) {
  const list = new ListResource(
    { signal },
    ({ cursor, signal: inner }) =>
      get(withQuery("/api/admin/registry/revisions", { cursor, entity: query().get("entity") }), { signal: inner }),
    redraw,
  );

  const view = () => {
    const entity = query().get("entity");
    return html`${
      entity
        ? html`<p class="strip" data-tone="info">
            ${icon("search")}<span>Only revisions that changed <strong>${entity}</strong></span>
            <button type="button" class="button" @click=${() => router.setQuery({ entity: null })}>Show all</button>
          </p>`
        : ""
    }
    ${show(list, {
      isEmpty: (page) => !page.data.length,
      empty: emptyState({
        title: "No revisions yet",
        iconName: "clock",
        text: "The first apply or the first edit makes the first one.",
      }),
      data: (page) =>
        html`${table({
          caption: "Revisions, newest first",
          rows: page.data,
          keyOf: (row) => row.revision,
          open: (row) => openRevision(row, { signal, changed }),
          columns: [
            {
              name: "revision",
              label: "Revision",
              primary: true,
              render: ({ revision, message }) =>
                html`${revision}${when(message, () => html`<span class="sub">${message}</span>`)}`,
            },
            { name: "kind", label: "By way of", render: (row) => badge(KINDS[row.kind] ?? row.kind) },
            { name: "actor", label: "Who", render: (row) => actorText(row.author ?? row.actor) },
            { name: "counts", label: "Changed", render: (row) => countText(row.counts) },
            {
              name: "rev",
              label: "Commit",
              wide: true,
              render: (row) =>
                row.rev ? html`<code>${row.rev.slice(0, 12)}</code>` : html`<span class="quiet">–</span>`,
            },
            { name: "at", label: "When", align: "end", render: (row) => timeAgo(row.at) },
          ],
        })}${pager(list, "revision")}`,
    })}`;
  };
  return { load: () => list.load(), view };
}

function countText(counts) {
  const said = Object.entries(counts)
    .map(([action, number]) => `${number} ${DONE[action] ?? action}`)
    .join(", ");
  return said || html`<span class="quiet">recorded only</span>`;
}

async function openRevision(row, { signal, changed }) {
  const dialog = new Dialog({ kind: "drawer", signal });
  const title = `Revision ${row.revision}`;
  const again = () => {
    dialog.close();
    openRevision(row, { signal, changed });
  };
  const rollBack = () => {
    dialog.close();
    openRollback(row, { signal, changed });
  };
  dialog.show(title, skeletonRows(6));
  try {
    const recorded = await get(`/api/admin/registry/revisions/${row.revision}`, { signal });
    // It may have been closed before the answer came.
    if (dialog.isOpen) dialog.show(title, body(recorded, rollBack));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    if (dialog.isOpen) dialog.show(title, failure(error, again));
  }
}

function body(recorded, rollBack) {
  return html`<p class="quiet">
      ${at(recorded.at)} ·
      ${actorText(recorded.author ?? recorded.actor)}${recorded.message ? html` · ${recorded.message}` : ""}
    </p>
    ${changeList(recorded.changes)}
    <div class="actions end">
      <button type="button" class="button" @click=${rollBack}>${icon("undo")}Roll back to before or after…</button>
    </div>`;
}
