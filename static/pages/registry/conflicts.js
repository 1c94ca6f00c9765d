// What the file and somebody live both changed: three columns, and one decision each.

import { ApiError, get, post } from "../../api.js";
import { badge, timeAgo } from "../../components/bits.js";
import { Resource, emptyState, show } from "../../components/resource.js";
import { toast } from "../../components/toast.js";
import { html, when } from "../../html.js";
import { actorText, entityHref, isSet, parseAddress, threeSides, valueText } from "./words.js";
import { showPatch } from "./patch.js";

export function conflictsTab({ signal, query, redraw, changed }) {
  const conflicts = new Resource(
    { signal },
    async (inner) => {
      const open = (await get("/api/admin/registry/conflicts", { signal: inner })).data;
      const planned = open.length ? await readPlanned(inner) : new Map();
      return open.map((one) => ({ ...one, planned: planned.get(one.address) ?? null }));
    },
    redraw,
  );
  let busy = null;

  const decide = async (conflict, choice) => {
    busy = conflict.address;
    redraw();
    try {
      const { address, triple_digest } = conflict;
      const resolved = await post("/api/admin/registry/conflicts/resolve", { address, choice, triple_digest });
      const said = choice === "yaml" ? "The file's value is taken" : "The live value is kept";
      toast(resolved.sync ? `${said}.` : `${said}, with the next apply of the files.`);
      if (choice === "live") showPatch([`${parseAddress(address).kind}/${parseAddress(address).key}`]);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, { tone: "bad" });
    }
    busy = null;
    await changed();
  };

  const chosen = () => {
    const entity = query().get("entity");
    return (conflicts.data ?? []).filter((one) => !entity || one.address.startsWith(`${entity}/`));
  };
  const view = () =>
    show(conflicts, {
      isEmpty: () => !chosen().length,
      empty: emptyState({
        title: "No conflicts",
        iconName: "check",
        text: "Nothing was changed differently in the file and here.",
      }),
      data: () => html`<div class="stack">${chosen().map((one) => card(one, busy, decide))}</div>`,
    });
  return { load: () => conflicts.load(), view };
}

/** By address, what the plan knows beside the list of conflicts: who edited live, and the line of the file. */
async function readPlanned(signal) {
  try {
    const plan = await post("/api/admin/registry/plan", { policy: { on_conflict: "defer" } }, { signal });
    return new Map(plan.conflicts.map((one) => [one.address, one]));
  } catch (error) {
    // Files that cannot be read have no plan; the conflicts are open all the same.
    if (error instanceof ApiError) return new Map();
    throw error;
  }
}

function card(conflict, busy, decide) {
  const { kind, key, group } = parseAddress(conflict.address);
  const rows = threeSides(conflict.base, conflict.live, conflict.yaml);
  const author = conflict.planned?.live_author;
  const isBusy = busy !== null;
  return html`<article class="panel conflict" aria-label=${conflict.address}>
    <header>
      <h2><a href=${entityHref({ kind, key })}>${key}</a> <span class="quiet">${group || kind}</span></h2>
      ${conflict.resolution ? badge(`decided: ${conflict.resolution === "yaml" ? "file" : "live"}`, "info", "clock") : badge("Both changed", "bad", "warning")}
    </header>
    <p class="quiet">Open since ${timeAgo(conflict.first_seen)}. What is live stays in force until you decide.</p>
    <div class="table-scroll" tabindex="0" role="region" aria-label="Three sides">
      <table class="table three">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Applied last</th>
            <th scope="col">
              Live now<span class="sub"
                >${author ? html`${actorText(author.actor)}, ${timeAgo(author.at)}` : "edited here"}</span
              >
            </th>
            <th scope="col">
              In the file<span class="sub"
                >${conflict.planned?.location ?? ""}${conflict.planned?.yaml_author ? ` · ${conflict.planned.yaml_author}` : ""}</span
              >
            </th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <th scope="row" data-primary><code>${row.path || group}</code></th>
                ${side("Applied last", row.base, false)}${side("Live now", row.live, row.liveChanged)}${side("In the file", row.file, row.fileChanged)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <div class="actions end">
      <a class="button" data-kind="quiet" href=${entityHref({ kind, key })}>Edit it instead</a>
      <button type="button" class="button" ?disabled=${isBusy} @click=${() => decide(conflict, "live")}>
        Keep live
      </button>
      <button
        type="button"
        class="button"
        data-kind="primary"
        ?disabled=${isBusy}
        @click=${() => decide(conflict, "yaml")}>
        Take the file's
      </button>
    </div>
  </article>`;
}

function side(label, value, isChanged) {
  return html`<td data-label=${label} data-changed=${isChanged}>
    <span class=${isSet(value) ? "mono" : "quiet"}>${valueText(value)}</span>
    ${when(isChanged, () => html`<span class="visually-hidden">changed</span>`)}
  </td>`;
}
