// What was edited here since the files were applied: by entity, each field with both values, who and when.

import { ApiError, get, post } from "../../api.js";
import { timeAgo } from "../../components/bits.js";
import { confirm } from "../../components/dialog.js";
import { icon } from "../../components/icons.js";
import { Resource, emptyState, show } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { toast } from "../../components/toast.js";
import { actorText } from "../../documents/words.js";
import { html } from "../../html.js";
import { askHold } from "./holds.js";
import { showPatch } from "./patch.js";
import { entityHref, isSet, parseEntity, undisputed, valueText } from "./words.js";

const NOTHING = {
  title: "Nothing was edited here",
  iconName: "check",
  text: "What is live is what the files declared.",
};
const ONLY_CONFLICTS = {
  title: "Nothing else was edited here",
  iconName: "check",
  text: "What the file changed too waits under Conflicts.",
};

export function driftTab({ signal, redraw, status, changed }) {
  const drift = new Resource(
    { signal },
    async (inner) => byEntity(undisputed((await get("/api/admin/registry/drift", { signal: inner })).drift)),
    redraw,
  );

  const revert = async (entity, items) => {
    const { kind, key } = parseEntity(entity);
    const paths = items.map(({ path }) => path || "it").join(", ");
    const isSure = await confirm({
      title: `Give up the edits of ${key}?`,
      action: `Revert ${key}`,
      text: `${paths} will be what the file said last. The edit stays in the history and can be rolled back to.`,
    });
    if (!isSure) return;
    try {
      await post(`/api/admin/registry/${kind}s/${encodeURIComponent(key)}/revert`, {});
      toast(`${key} is as the file said last.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, { tone: "bad" });
    }
    await changed();
  };
  const hold = (entity) => askHold({ entity, done: changed });

  const view = () =>
    show(drift, {
      isEmpty: (groups) => !groups.length,
      empty: emptyState(status.data?.conflicts.length ? ONLY_CONFLICTS : NOTHING),
      data: (groups) =>
        html`<div class="stack">
          <div class="toolbar">
            <span class="quiet">Kept until you decide: commit it, revert it, or keep the files away from it.</span>
            <button type="button" class="button push" data-kind="primary" @click=${() => showPatch()}>
              ${icon("copy")}Patch for all of it
            </button>
          </div>
          ${groups.map(([entity, items]) => group(entity, items, { revert, hold }))}
        </div>`,
    });
  return { load: () => drift.load(), view };
}

function byEntity(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.entity, [...(groups.get(item.entity) ?? []), item]);
  return [...groups];
}

function group(entity, items, { revert, hold }) {
  const { kind, key } = parseEntity(entity);
  return html`<article class="panel" aria-label=${entity}>
    <header>
      <h2><a href=${entityHref({ kind, key })}>${key}</a> <span class="quiet">${kind}</span></h2>
      <div class="actions">
        <button type="button" class="button" @click=${() => showPatch([entity])}>Copy patch</button>
        <button type="button" class="button" @click=${() => hold(entity)}>Hold</button>
        <button type="button" class="button" @click=${() => revert(entity, items)}>Revert to the file</button>
      </div>
    </header>
    ${table({
      caption: `Fields of ${key} edited here`,
      rows: items,
      keyOf: (item) => item.path,
      columns: [
        {
          name: "path",
          label: "Field",
          primary: true,
          render: (item) =>
            html`<code>${item.path || "all of it"}</code><span class="sub">${item.location ?? ""}</span>`,
        },
        { name: "yaml", label: "File, applied last", render: (item) => value(item.yaml) },
        {
          name: "live",
          label: "Live",
          render: (item) => (item.is_deleted ? html`<span class="strong">deleted here</span>` : value(item.live)),
        },
        {
          name: "actor",
          label: "By",
          render: (item) =>
            html`${actorText(item.actor)}${item.message ? html`<span class="sub">${item.message}</span>` : ""}`,
        },
        { name: "at", label: "When", render: (item) => timeAgo(item.at) },
      ],
    })}
  </article>`;
}

function value(one) {
  return html`<span class=${isSet(one) ? "mono" : "quiet"}>${valueText(one)}</span>`;
}
