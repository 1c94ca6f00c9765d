// The last requests of one user, and the way to all of them.

import { get, withQuery } from "../../api.js";
import { fineAmount, outcomeBadge, quantity, timeAgo, took } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { ListResource, emptyState, show as states } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { html } from "../../html.js";

const SHOWN = 20;

export function requestsTab({ id, signal, router, draw }) {
  const list = new ListResource(
    { signal },
    ({ signal: stop }) => get(withQuery("/api/admin/usage", { user_id: id, limit: SHOWN }), { signal: stop }),
    draw,
  );
  const hrefOf = (row) => withQuery("/ui/requests", { user_id: id, open: row.request_id });
  const columns = [
    { name: "time", label: "Time", primary: true, render: (row) => timeAgo(row.started_at) },
    { name: "model", label: "Model", render: (row) => row.model ?? html`<span class="quiet">–</span>` },
    { name: "outcome", label: "Outcome", render: (row) => outcomeBadge(row.outcome) },
    { name: "key", label: "Key", wide: true, render: (row) => row.key_name ?? "–" },
    { name: "input", label: "Tokens in", align: "end", wide: true, render: (row) => quantity(tokensIn(row.tokens)) },
    { name: "output", label: "Tokens out", align: "end", wide: true, render: (row) => quantity(row.tokens.output) },
    { name: "took", label: "Took", align: "end", wide: true, render: (row) => took(row.duration_ms) },
    { name: "cost", label: "Cost", align: "end", render: (row) => fineAmount(row.cost) },
  ];
  return {
    load: () => list.load(),
    template: () =>
      html`<div class="toolbar">
          <p class="quiet">The last ${SHOWN}, newest first.</p>
          <a class="button push" href=${withQuery("/ui/requests", { user_id: id, range: "30d" })}
            >${icon("list")}All requests of this user</a
          >
        </div>
        ${states(list, {
          data: () =>
            table({
              caption: "Last requests",
              columns,
              rows: list.rows,
              keyOf: (row) => row.request_id,
              hrefOf,
              open: (row) => router.go(hrefOf(row)),
            }),
          isEmpty: ({ data }) => !data.length,
          empty: emptyState({
            title: "No requests yet",
            text: "Calls with one of this user's keys stand here, each with its receipt.",
            iconName: "list",
            action: html`<a class="button" href=${`/ui/users/${id}?tab=keys`}>To the keys</a>`,
          }),
        })}`,
  };
}

/** Everything that went in, whether it was read from a cache or written to one. */
const tokensIn = ({ output: _, reasoning: __, ...rest }) =>
  Object.values(rest).reduce((sum, one) => sum + (one ?? 0), 0);
