// Who gets into this page and its API: the admins who are signed in, and the programs that hold a token. Each can be
// ended.

import { get, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { ListResource, emptyState, pager, show } from "../components/resource.js";
import { table } from "../components/table.js";
import { freshness, refreshing } from "../components/time-range.js";
import { html } from "../html.js";
import { programColumns, sessionColumns } from "./access/columns.js";
import { openTokenForm } from "./access/token-form.js";

const LEAD = "Admins share one password and sign in with a name of their own. Programs have a token each.";

export default function access({ signal, draw }) {
  const page = () => draw(view());
  const listOf = (kind) =>
    new ListResource(
      { signal },
      ({ cursor, signal: aborted }) => get(withQuery("/api/admin/tokens", { kind, cursor }), { signal: aborted }),
      () => page(),
    );
  const programs = listOf("program");
  const sessions = listOf("session");
  const load = () => [programs, sessions].forEach((list) => list.load());
  const create = () => openTokenForm({ done: () => programs.load() });

  const view = () =>
    html`${pageHead("Admin access", {
        lead: LEAD,
        actions: html`${freshness({
          loadedAt: programs.loadedAt,
          isLoading: programs.isLoading || sessions.isLoading,
          load,
        })}
        ${createButton(create)}`,
      })}
      <section class="stack tight">
        <h2>Tokens of programs</h2>
        ${show(programs, {
          data: () =>
            table({
              caption: "Tokens of programs",
              rows: programs.rows,
              columns: programColumns(() => programs.load()),
            }),
          isEmpty: ({ data }) => !data.length,
          empty: noPrograms(create),
        })}
        ${programs.data?.has_more ? pager(programs, "token") : ""}
      </section>
      <section class="stack tight">
        <h2>Signed in</h2>
        ${show(sessions, {
          data: () =>
            table({ caption: "Signed in", rows: sessions.rows, columns: sessionColumns(() => sessions.load()) }),
        })}
        ${sessions.data?.has_more ? pager(sessions, "session") : ""}
        <p class="quiet">A new ADMIN_PASSWORD or JWT_SECRET ends all of these, and the tokens too.</p>
      </section>`;

  page();
  load();
  refreshing(signal, load);
  return { onquery: page };
}

const createButton = (create) =>
  html`<button type="button" class="button" data-kind="primary" @click=${create}>${icon("plus")}New token</button>`;

const noPrograms = (create) =>
  emptyState({
    iconName: "lock",
    title: "No program has a token",
    text: "A CI job that plans or applies models.yaml needs one; so does a script that calls the admin API.",
    action: createButton(create),
  });
