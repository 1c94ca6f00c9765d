// What the file and somebody live both changed: three columns, and one decision each.

import { ApiError, get, post } from "../../api.js";
import { badge, timeAgo } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { Resource, emptyState, show } from "../../components/resource.js";
import { toast } from "../../components/toast.js";
import { actorText } from "../../documents/words.js";
import { html, when } from "../../html.js";
import { entityHref, isSet, parseAddress, priceStep, threeSides, valueText } from "./words.js";
import { showPatch } from "./patch.js";

export function conflictsTab({ signal, query, router, redraw, changed }) {
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

  /** Those of the entity that the address names, or all. */
  const chosen = () => {
    const entity = query().get("entity");
    return (conflicts.data ?? []).filter((one) => !entity || one.address.startsWith(`${entity}/`));
  };
  const narrowed = () => {
    const others = (conflicts.data ?? []).length - chosen().length;
    const { key } = parseAddress(`${query().get("entity")}/`);
    const showAll = () => router.setQuery({ entity: null });
    return html`<p class="strip" data-tone="info">
      ${icon("search")}<span>Only conflicts of <strong>${key}</strong></span>
      <button type="button" class="button" @click=${showAll}>Show all${others ? `, ${others} more` : ""}</button>
    </p>`;
  };
  const view = () =>
    html`${when(query().get("entity"), narrowed)}
    ${show(conflicts, {
      isEmpty: () => !chosen().length,
      empty: emptyState({
        title: "No conflicts",
        iconName: "check",
        text: "Nothing was changed differently in the file and here.",
      }),
      data: () => html`<div class="stack">${chosen().map((one) => card(one, busy, decide))}</div>`,
    })}`;
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
  const isBusy = busy !== null;
  const button = (choice, text, tone) =>
    html`<button
      type="button"
      class="button"
      data-kind=${tone}
      ?disabled=${isBusy}
      @click=${() => decide(conflict, choice)}>
      ${text}
    </button>`;
  return html`<article class="panel conflict" aria-label=${conflict.address}>
    <header>
      <h2><a href=${entityHref({ kind, key })}>${key}</a> <span class="quiet">${group || kind}</span></h2>
      ${standing(conflict.resolution)}
    </header>
    <p class="quiet">Open since ${timeAgo(conflict.first_seen)}. What is live stays in force until you decide.</p>
    ${sides(conflict, group)}
    <div class="actions end">
      <a class="button" data-kind="quiet" href=${entityHref({ kind, key })}>Edit it instead</a>
      ${button("live", "Keep live", "plain")} ${button("yaml", "Take the file's", "primary")}
    </div>
  </article>`;
}

function standing(resolution) {
  if (!resolution) return badge("Both changed", "bad", "warning");
  return badge(`Decided: ${resolution === "yaml" ? "the file's" : "live"}`, "info", "clock");
}

/** The three sides, each with whose it is. */
function sides({ base, live, yaml, planned }, group) {
  const by = planned?.live_author;
  const here = by ? html`${actorText(by.actor)}, ${timeAgo(by.at)}` : "edited here";
  const there = [planned?.location, planned?.yaml_author].filter(Boolean).join(" · ");
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Three sides">
    <table class="table three">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Applied last</th>
          <th scope="col">Live now<span class="sub">${here}</span></th>
          <th scope="col">In the file<span class="sub">${there}</span></th>
        </tr>
      </thead>
      <tbody>
        ${threeSides(base, live, yaml).map(
          (row) =>
            html`<tr>
              <th scope="row" data-primary><code>${row.path || group}</code></th>
              ${side("Applied last", row, row.base, false)}
              ${side(by ? `Live now, ${actorText(by.actor)}` : "Live now", row, row.live, row.liveChanged)}
              ${side(["In the file", there].filter(Boolean).join(", "), row, row.file, row.fileChanged)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function side(label, { path, base }, value, isChanged) {
  const step = isChanged ? priceStep(path, base, value) : "";
  return html`<td data-label=${label} data-changed=${isChanged}>
    <span class=${isSet(value) ? "mono" : "quiet"}>${valueText(value)}</span>
    ${when(step, () => html`<span class="step">${step}</span>`)}
    ${when(isChanged, () => html`<span class="visually-hidden">changed</span>`)}
  </td>`;
}
