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

  const view = () => show(plan, { data: (data) => page(data, { form, allowed, allow }) });
  return { load: () => plan.load(), view };
}

function page(plan, { form, allowed, allow }) {
  const counts = countsText(plan.counts);
  const shown = plan.entities.filter(isWorthShowing);
  const isBlocked = plan.guards.length > 0 || plan.flaws.length > 0;
  return html`<div class="stack">
    <div class="toolbar">
      <strong>${counts || "Nothing to apply"}</strong
      ><span class="quiet"
        >files of ${plan.source.name}${plan.source.rev ? html` at <code>${plan.source.rev.slice(0, 12)}</code>` : ""},
        against revision ${plan.against.revision}, looked at ${at(plan.planned_at)}</span
      >
    </div>
    ${plan.flaws.map(
      (flaw) =>
        html`<p class="strip" data-tone="bad">
          ${icon("error")}<span><strong>${flaw.entity ?? ""}</strong> ${flaw.path ?? ""} ${flaw.message}</span>
        </p>`,
    )}
    ${[...plan.guards].map((guard) => guardStrip(guard, allow))}
    ${[...allowed].map(
      (flag) =>
        html`<p class="strip" data-tone="warn">
          ${icon("warning")}<span>Allowed for this apply: <code>${flag.replaceAll("_", "-")}</code></span>
          <button type="button" class="button" @click=${() => allow(flag, false)}>Do not allow</button>
        </p>`,
    )}
    ${when(plan.conflicts.length, () => html`<p class="strip" data-tone="bad">${icon("warning")}<span>${plural(plan.conflicts.length, "conflict waits", "conflicts wait")} and will be left alone.</span><a class="button" href="/ui/registry?tab=conflicts">Resolve</a></p>`)}
    ${plan.hints.map((hint) => html`<p class="strip" data-tone="info">${icon("info")}<span>${hint}</span></p>`)}
    ${when(plan.held.length, () => html`<p class="quiet">${plural(plan.held.length, "field is", "fields are")} held and left as they are live.</p>`)}
    ${
      shown.length
        ? html`<ul class="stack tight">
            ${shown.map(entityCard)}
          </ul>`
        : emptyState({
            title: "Nothing would change",
            iconName: "check",
            text: "What the files declare is live, or waits in a conflict.",
          })
    }
    ${when(
      counts,
      () =>
        html`<form class="panel" @submit=${form.handle}>
          <h2>Apply</h2>
          ${form.summary()}
          ${field(form, { name: "message", label: "Message", placeholder: "Why", hint: "Stands in the history." })}
          <div class="actions end">${form.button(`Apply ${counts}`, { busy: "Applying…", disabled: isBlocked })}</div>
          ${when(isBlocked, () => html`<p class="quiet end">First say what is meant above, or mend the files.</p>`)}
        </form>`,
    )}
  </div>`;
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

function guardStrip(guard, allow) {
  return html`<div class="strip" data-tone="bad" role="alert">
    ${icon("shield")}<span
      ><strong>Refused: ${guard.code.replaceAll("-", " ")}.</strong> ${guard.message}
      ${guard.entities.map((entity) => html`<span class="sub">${entity}</span>`)}</span
    >
    ${when(guard.flag, () => html`<button type="button" class="button" @click=${() => allow(guard.flag.replace(/^--/, "").replaceAll("-", "_"), true)}>This is meant</button>`)}
  </div>`;
}

function entityCard(entity) {
  const fields = entity.fields.filter(changes);
  return html`<li class="panel plan-entity">
    <header>
      <h3>
        <a href=${entityHref(entity)}>${entity.key}</a>
        <span class="quiet">${entity.kind} ${entity.location ? html`· <code>${entity.location}</code>` : ""}</span>
      </h3>
      ${badge(ACTIONS[entity.action] ?? entity.action, TONES[entity.action] ?? "quiet")}
    </header>
    ${entity.moved_from ? html`<p>renamed from <code>${entity.moved_from}</code></p>` : ""}${entity.flaw ? html`<p class="field-error">${entity.flaw}</p>` : ""}
    ${when(
      fields.length,
      () =>
        html`<dl class="changes">
          ${fields.map(
            (one) =>
              html`<div>
                <dt><code>${one.path}</code>${one.location ? html`<span class="sub">${one.location}</span>` : ""}</dt>
                <dd>
                  ${side(one.live)}${icon("right")}${side(one.result)}${one.note ? html` <span class="quiet">${one.note}</span>` : ""}
                </dd>
              </div>`,
          )}
        </dl>`,
    )}
    ${entity.notes.map((note) => html`<p class="quiet">${note}</p>`)}
  </li>`;
}

function side(value) {
  return html`<span class=${isSet(value) ? "mono" : "quiet"}>${valueText(value)}</span>`;
}
