// The revisions of one document, newest first, with what each changed and the way back to it.

import { ApiError, get, post, withQuery } from "../api.js";
import { badge, timeAgo } from "../components/bits.js";
import { confirm } from "../components/dialog.js";
import { icon } from "../components/icons.js";
import { ListResource, emptyState, pager, show, skeletonRows } from "../components/resource.js";
import { toast } from "../components/toast.js";
import { html, repeat, when } from "../html.js";
import { actorText, labelOf, valueText } from "./words.js";

const KINDS = {
  sync: "file applied",
  apply: "file applied",
  ui: "edited here",
  rollback: "rolled back",
  revert: "taken from the file",
  adopt: "adopted",
};
const SHOWN = 10;
const FIELDS_SHOWN = 8;

export function historyTab(editor, { signal, draw }) {
  const name = `${editor.kind}/${editor.key}`;
  let isBusy = false;
  const list = new ListResource(
    { signal },
    async ({ cursor, signal: inner }) => {
      const page = await get(withQuery("/api/admin/registry/revisions", { entity: name, cursor, limit: SHOWN }), {
        signal: inner,
      });
      const recorded = await Promise.all(
        page.data.map(({ revision }) => get(`/api/admin/registry/revisions/${revision}`, { signal: inner })),
      );
      return {
        ...page,
        data: recorded.map((one) => ({
          ...one,
          change: one.changes.find(({ entity, moved_from: from }) => entity === name || from === editor.key),
        })),
      };
    },
    draw,
  );

  /** As it was after that revision: a new revision, and only of this document. */
  const restore = async (row) => {
    isBusy = true;
    draw();
    try {
      const asked = { to: row.revision, only: [name] };
      const dry = await post("/api/admin/registry/rollback", { ...asked, dry_run: true });
      if (!dry.changes.length) toast("It is like that already.", { tone: "info" });
      else if (
        await confirm({
          title: `Bring ${editor.key} back to revision ${row.revision}?`,
          action: `Restore revision ${row.revision}`,
          danger: false,
          text: html`${whatChanges(dry.changes)} It is a new revision; nothing is lost.`,
        })
      ) {
        await editor.act(
          () => post("/api/admin/registry/rollback", { ...asked, revision: dry.revision }),
          `${editor.key} is as it was at revision ${row.revision}.`,
        );
        await list.load();
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, { tone: "bad" });
    }
    isBusy = false;
    draw();
  };

  const inAll = withQuery("/ui/registry", { tab: "history", entity: name });
  const restoreButton = (row) =>
    html`<button type="button" class="button" ?disabled=${isBusy} @click=${() => restore(row)}>
      ${icon("undo")}Restore this
    </button>`;
  const view = () =>
    show(list, {
      skeleton: skeletonRows(5),
      isEmpty: (page) => !page.data.length,
      empty: emptyState({
        title: "No history yet",
        iconName: "clock",
        text: "The first edit makes the first revision.",
      }),
      data: (page) =>
        html`<ol class="revisions">
            ${repeat(
              page.data,
              (row) => row.revision,
              (row, at) =>
                html`<li>
                  <header>
                    <span
                      ><strong>${actorText(row.author ?? row.actor)}</strong> ${timeAgo(row.at)}
                      ${badge(KINDS[row.kind] ?? row.kind)}</span
                    >
                    <span class="actions"
                      ><a class="link" href=${inAll}>Revision ${row.revision}</a>
                      ${at === 0 ? html`<span class="quiet">as it is now</span>` : restoreButton(row)}</span
                    >
                  </header>
                  ${row.message ? html`<p class="quiet">${row.message}</p>` : ""}${changes(row)}
                </li>`,
            )}
          </ol>
          ${pager(list, "revision")}`,
    });
  return { view, enter: () => list.load() };
}

function whatChanges(changes) {
  const fields = changes.flatMap(({ fields: changed }) => changed);
  if (!fields.length) return "It lives again.";
  const said = fields.map(
    ({ path, from, to }, at) =>
      html`${at ? "; " : ""}<strong>${labelOf(path)}</strong> ${valueText(path, from)} → ${valueText(path, to)}`,
  );
  return html`These change: ${said}.`;
}

function changes({ change }) {
  if (!change) return html`<p class="quiet">Recorded; nothing live changed.</p>`;
  const { action, fields, moved_from: from } = change;
  if (action === "tombstone" || action === "delete") return html`<p>Deleted.</p>`;
  const rest = fields.length - FIELDS_SHOWN;
  return html`${when(from, () => html`<p>Renamed from <code>${from}</code>.</p>`)}
    ${when(action === "create", () => html`<p>Created.</p>`)}
    <dl class="diffs">${fields.slice(0, FIELDS_SHOWN).map(difference)}</dl>
    ${when(rest > 0, () => html`<p class="quiet">and ${rest} more</p>`)}`;
}

function difference({ path, from, to }) {
  const was = from === null || from === undefined ? "" : html`<del>${valueText(path, from)}</del> `;
  return html`<div>
    <dt title=${path}>${labelOf(path)}</dt>
    <dd>${was}<ins>${valueText(path, to)}</ins></dd>
  </div>`;
}
