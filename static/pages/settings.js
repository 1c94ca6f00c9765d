// Everything in force that is not a model or a provider: the global system prompt, every other setting with where it
// comes from, and who changed what.

import { get, getWithEtag, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { ListResource, Resource, pager, show, skeletonColumns } from "../components/resource.js";
import { html } from "../html.js";
import { effectiveSettings } from "./settings/effective.js";
import { settingsHistory } from "./settings/history.js";
import { modelPrompts } from "./settings/model-prompts.js";
import { PromptEditor } from "./settings/prompt-editor.js";
import { settingWriter } from "./settings/write.js";

const LEAD = "What is in force, where it comes from, and who changed it last. Changes hold at once, on every worker.";
const MODELS_MAX = 200;
const HISTORY_ROWS = 10;

export default function settings({ query, signal, router, draw }) {
  const page = () => draw(view());
  const context = { signal };
  const live = new Resource(
    context,
    async (aborted) => {
      const { data, etag } = await getWithEtag("/api/admin/settings", { signal: aborted });
      return { values: data, etag };
    },
    () => page(),
  );
  const effective = new Resource(
    context,
    async (aborted) => (await get("/api/admin/settings/effective", { signal: aborted })).data,
    () => page(),
  );
  const models = new Resource(
    context,
    (aborted) => allModels(aborted),
    () => page(),
  );
  const history = new ListResource(
    context,
    ({ cursor, signal: aborted }) =>
      get(withQuery("/api/admin/audit", { action: "settings.update", limit: HISTORY_ROWS, cursor }), {
        signal: aborted,
      }),
    () => page(),
  );

  const now = (name) => effective.data.find((row) => row.name === name);
  const write = settingWriter({ live, effective, reload: () => Promise.all([effective.load(), history.load()]) });
  const editor = new PromptEditor({ signal, query, router, live, models, history, write, draw: page });

  const view = () =>
    html`${pageHead("Settings", { lead: LEAD })}
      ${show(live, { data: () => editor.view(), skeleton: skeletonColumns(2, 17) })}
      <section class="stack tight">
        <h2>Models that differ</h2>
        ${show(models, { data: modelPrompts })}
      </section>
      <section class="stack tight" id="history">
        <div class="toolbar">
          <h2>History</h2>
          <a class="push" href=${withQuery("/ui/audit", { action: "settings.update" })}>In the audit log</a>
        </div>
        ${show(history, {
          data: () => settingsHistory(history.rows, { live, write }),
          isEmpty: ({ data }) => !data.length,
          empty: html`<p class="panel quiet">Nothing was changed yet: every setting is as it came.</p>`,
        })}
        ${history.data?.has_more ? pager(history, "change") : ""}
      </section>
      <section class="stack tight">
        <h2>All settings</h2>
        ${show(effective, { data: (rows) => effectiveSettings(rows, { write, now, signal }) })}
      </section>`;

  page();
  for (const one of [live, effective, models, history]) one.load();
  return { onquery: () => editor.refresh(), holds: (leave) => editor.holds(leave) };
}

async function allModels(signal) {
  const found = [];
  let cursor = null;
  do {
    const answer = await get(withQuery("/api/admin/models", { limit: MODELS_MAX, cursor }), { signal });
    found.push(...answer.data);
    cursor = answer.has_more ? answer.next_cursor : null;
  } while (cursor);
  return found;
}
