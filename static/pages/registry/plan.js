// What applying the server's files would do, before it is done. The apply carries the plan's fingerprint: what was
// looked at is what is done, or it is refused with the plan as it is now.

import { ApiError, post } from "../../api.js";
import { at, badge } from "../../components/bits.js";
import { Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { Resource, emptyState, show } from "../../components/resource.js";
import { toast } from "../../components/toast.js";
import { plural } from "../../format.js";
import { html, when } from "../../html.js";
import { countsText, entityHref, isSet, valueText } from "./words.js";

const TONES = { create: "good", restore: "good", update: "info", rename: "info", tombstone: "bad", deferred: "warn" };
const ACTIONS = {
  create: "add",
  restore: "restore",
  update: "change",
  rename: "rename",
  tombstone: "remove",
  release: "release",
  orphan: "release",
  adopt: "adopt",
  forget: "record",
  deferred: "waits",
  deleted: "deleted here",
};

export function planTab({ signal, redraw, changed }) {
  const allowed = new Set();
  const policy = () => ({ on_conflict: "defer", ...Object.fromEntries([...allowed].map((flag) => [flag, true])) });
  const plan = new Resource(
    { signal },
    (inner) => post("/api/admin/registry/plan", { policy: policy() }, { signal: inner }),
    redraw,
  );

  const form = new Form({
    draw: redraw,
    submit: async ({ message }) => {
      try {
        const applied = await post("/api/admin/registry/apply", {
          policy: policy(),
          message: message || null,
          fingerprint: plan.data.fingerprint,
        });
        toast(applied.changed ? `Applied: revision ${applied.revision}.` : "Nothing changed.");
        allowed.clear();
      } catch (error) {
        if (error instanceof ApiError && error.code === "stale_plan") plan.set(error.details.plan);
        throw error;
      }
      await changed();
    },
  });
  const allow = (flag, isOn) => {
    if (isOn) allowed.add(flag);
    else allowed.delete(flag);
    plan.load();
  };

  const view = () =>
    // What cannot be read has no plan, and an older one would be of other files.
    plan.error?.code === "invalid_registry"
      ? noPlan(plan.error, changed)
      : show(plan, { data: (data) => page(data, { form, allowed, allow }) });
  return { load: () => plan.load(), view };
}

const noPlan = ({ message }, again) =>
  emptyState({
    title: "No plan for files that cannot be used",
    iconName: "file",
    text: message,
    action: html`<button type="button" class="button" @click=${again}>Look again</button>`,
  });

function page(plan, { form, allowed, allow }) {
  const counts = countsText(plan.counts);
  const shown = plan.entities.filter(isWorthShowing);
  const waiting = plan.conflicts.length;
  return html`<div class="stack">
    <div class="toolbar"><strong>${counts || "Nothing to apply"}</strong>${lookedAt(plan)}</div>
    ${plan.flaws.map(flawStrip)} ${[...plan.guards].map((guard) => guardStrip(guard, allow))}
    ${[...allowed].map((flag) => allowedStrip(flag, allow))} ${when(waiting, () => conflictStrip(waiting))}
    ${plan.hints.map((hint) => html`<p class="strip" data-tone="info">${icon("info")}<span>${hint}</span></p>`)}
    ${when(plan.held.length, () => heldLine(plan.held.length))}
    ${
      shown.length
        ? html`<ul class="stack tight">
            ${shown.map(entityCard)}
          </ul>`
        : nothingChanges(waiting)
    }
    ${when(counts, () => applyForm(form, counts, plan.guards.length > 0 || plan.flaws.length > 0))}
  </div>`;
}

function lookedAt({ source, against, planned_at: time }) {
  const rev = source.rev ? html` at <code>${source.rev.slice(0, 12)}</code>` : "";
  return html`<span class="quiet"
    >files of ${source.name}${rev}, against revision ${against.revision}, looked at ${at(time)}</span
  >`;
}

const flawStrip = ({ entity, path, message }) =>
  html`<p class="strip" data-tone="bad">
    ${icon("error")}<span><strong>${entity ?? ""}</strong> ${path ?? ""} ${message}</span>
  </p>`;

const allowedStrip = (flag, allow) =>
  html`<p class="strip" data-tone="warn">
    ${icon("warning")}<span>Allowed for this apply: <code>${flag.replaceAll("_", "-")}</code></span>
    <button type="button" class="button" @click=${() => allow(flag, false)}>Do not allow</button>
  </p>`;

const conflictStrip = (waiting) =>
  html`<p class="strip" data-tone="bad">
    ${icon("warning")}<span>${plural(waiting, "conflict waits", "conflicts wait")} and will be left alone.</span>
    <a class="button" href="/ui/registry?tab=conflicts">Resolve</a>
  </p>`;

const heldLine = (held) =>
  html`<p class="quiet">${plural(held, "field is", "fields are")} held and left as they are live.</p>`;

const nothingChanges = (waiting) =>
  emptyState({
    title: "Nothing would change",
    iconName: "check",
    text: waiting ? "What the files declare is live, or waits in a conflict." : "What the files declare is live.",
  });

function applyForm(form, counts, isBlocked) {
  return html`<form class="panel" @submit=${form.handle}>
    <h2>Apply</h2>
    ${form.summary()}
    ${field(form, { name: "message", label: "Message", placeholder: "Why", hint: "Stands in the history." })}
    <div class="actions end">${form.button(`Apply ${counts}`, { busy: "Applying…", disabled: isBlocked })}</div>
    ${when(isBlocked, () => html`<p class="quiet end">First say what is meant above, or mend the files.</p>`)}
  </form>`;
}

function isWorthShowing(entity) {
  return (
    entity.action !== "noop" &&
    (entity.fields.some((one) => changes(one)) ||
      (ACTIONS[entity.action] && entity.action !== "update") ||
      entity.flaw ||
      entity.notes.length)
  );
}

const changes = (one) => JSON.stringify(one.result) !== JSON.stringify(one.live);

function guardStrip({ code, message, entities, flag }, allow) {
  const mean = () => allow(flag.replace(/^--/, "").replaceAll("-", "_"), true);
  return html`<div class="strip" data-tone="bad" role="alert">
    ${icon("shield")}<span
      ><strong>Refused: ${code.replaceAll("-", " ")}.</strong> ${message}
      ${entities.map((entity) => html`<span class="sub">${entity}</span>`)}</span
    >
    ${when(flag, () => html`<button type="button" class="button" @click=${mean}>This is meant</button>`)}
  </div>`;
}

function entityCard(entity) {
  const { kind, key, location, action, moved_from: from, flaw } = entity;
  const fields = entity.fields.filter(changes);
  const place = location ? html`· <code>${location}</code>` : "";
  return html`<li class="panel plan-entity">
    <header>
      <h3><a href=${entityHref(entity)}>${key}</a> <span class="quiet">${kind} ${place}</span></h3>
      ${badge(ACTIONS[action] ?? action, TONES[action] ?? "quiet")}
    </header>
    ${when(from, () => html`<p>renamed from <code>${from}</code></p>`)}
    ${when(flaw, () => html`<p class="field-error">${flaw}</p>`)} ${when(action === "deferred", () => waits(entity))}
    ${when(fields.length, () => html`<dl class="changes">${fields.map(change)}</dl>`)}
    ${entity.notes.map((note) => html`<p class="quiet">${note}</p>`)}
  </li>`;
}

/** Why nothing of it is applied now. */
function waits({ kind, key, deferred_by: by }) {
  if (by) return html`<p class="quiet">Nothing of it is applied before <code>${by}</code> is decided.</p>`;
  const href = `/ui/registry?tab=conflicts&entity=${encodeURIComponent(`${kind}.${key}`)}`;
  return html`<p class="quiet">
    The file and a live edit both changed it. Nothing of it is applied before
    <a href=${href}>its conflict is decided</a>.
  </p>`;
}

function change({ path, location, live, result, note }) {
  return html`<div>
    <dt><code>${path}</code>${when(location, () => html`<span class="sub">${location}</span>`)}</dt>
    <dd>${side(live)}${icon("right")}${side(result)}${when(note, () => html` <span class="quiet">${note}</span>`)}</dd>
  </div>`;
}

function side(value) {
  return html`<span class=${isSet(value) ? "mono" : "quiet"}>${valueText(value)}</span>`;
}
