// Every revision of the registry: who, when, what; and the way back to one.

import { ApiError, get, post, withQuery } from "../../api.js";
import { at, badge, timeAgo } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { ListResource, emptyState, failure, pager, show, skeletonRows } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { toast } from "../../components/toast.js";
import { actorText } from "../../documents/words.js";
import { html } from "../../html.js";
import { isSet, parseEntity, entityHref, valueText } from "./words.js";

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
              render: (row) => html`${row.revision}${row.message ? html`<span class="sub">${row.message}</span>` : ""}`,
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
  dialog.show(title, skeletonRows(6));
  try {
    const recorded = await get(`/api/admin/registry/revisions/${row.revision}`, { signal });
    dialog.show(
      title,
      body(recorded, () => {
        dialog.close();
        openRollback(row, { signal, changed });
      }),
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    dialog.show(
      title,
      failure(error, () => {
        dialog.close();
        openRevision(row, { signal, changed });
      }),
    );
  }
}

function body(recorded, rollBack) {
  return html`<p class="quiet">
      ${at(recorded.at)} ·
      ${actorText(recorded.author ?? recorded.actor)}${recorded.message ? html` · ${recorded.message}` : ""}
    </p>
    ${changeList(recorded.changes)}
    <div class="actions end">
      <button type="button" class="button" @click=${rollBack}>${icon("undo")}Roll back to before or after this…</button>
    </div>`;
}

function changeList(changes) {
  if (!changes.length) return html`<p class="quiet">Nothing live changed; what the files declare was recorded.</p>`;
  return html`<ul class="stack tight">
    ${changes.map(
      (change) =>
        html`<li class="panel plan-entity">
          <header>
            <h3><a href=${entityHref(parseEntity(change.entity))}>${change.entity}</a></h3>
            ${badge(change.action)}
          </header>
          ${change.moved_from ? html`<p>renamed from <code>${change.moved_from}</code></p>` : ""}
          <dl class="changes">
            ${change.fields.map(
              (one) =>
                html`<div>
                  <dt><code>${one.path}</code></dt>
                  <dd>${side(one.from)}${icon("right")}${side(one.to)}</dd>
                </div>`,
            )}
          </dl>
        </li>`,
    )}
  </ul>`;
}

function side(value) {
  return html`<span class=${isSet(value) ? "mono" : "quiet"}>${valueText(value)}</span>`;
}

/** What rolling back would do, by a dry run, and then the doing of just that. */
function openRollback(row, { signal, changed }) {
  const dialog = new Dialog({ kind: "wide", signal });
  const state = { to: row.revision, dry: null, error: null };
  const draw = () => dialog.isOpen && open();
  const form = new Form({
    draw,
    submit: async ({ message }) => {
      const rolled = await post("/api/admin/registry/rollback", {
        to: state.to,
        message: message || null,
        revision: state.dry.revision,
      });
      dialog.close();
      toast(rolled.changed ? `Rolled back: revision ${rolled.revision}.` : "Nothing changed.");
      await changed();
    },
  });
  const look = async (to) => {
    Object.assign(state, { to, dry: null, error: null });
    open();
    try {
      state.dry = await post("/api/admin/registry/rollback", { to, dry_run: true }, { signal });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      state.error = error;
    }
    draw();
  };
  const open = () =>
    dialog.show(
      "Roll back",
      html`<div class="segments" role="group" aria-label="To which state">
          <button type="button" aria-pressed=${state.to === row.revision} @click=${() => look(row.revision)}>
            As it was after ${row.revision}
          </button>
          <button type="button" aria-pressed=${state.to === row.revision - 1} @click=${() => look(row.revision - 1)}>
            As it was before ${row.revision}
          </button>
        </div>
        ${
          state.error
            ? failure(state.error, () => look(state.to))
            : state.dry === null
              ? skeletonRows(4)
              : html` ${changeList(state.dry.changes)}
                  ${state.dry.held.length ? html`<p class="strip" data-tone="info">${icon("pin")}<span>These will be held, so that the next sync does not undo it: ${state.dry.held.join(", ")}</span></p>` : ""}
                  <form class="stack" @submit=${form.handle}>
                    ${form.summary()}${field(form, { name: "message", label: "Why", hint: "Stands in the history. It is a new revision; nothing is lost." })}
                    <div class="actions end">
                      ${form.button("Roll back", { kind: "danger", busy: "Rolling back…", disabled: !state.dry.changes.length })}
                    </div>
                  </form>`
        }`,
    );
  look(row.revision);
}
