// The way back to a revision: what it would do is shown first, and then just that is done.

import { ApiError, post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { failure, skeletonRows } from "../../components/resource.js";
import { toast } from "../../components/toast.js";
import { html, when } from "../../html.js";
import { changeList } from "./change-list.js";

/** What rolling back would do, by a dry run, and then the doing of just that. */
export function openRollback(row, { signal, changed }) {
  let isDone = false;
  const dialog = new Dialog({ kind: "wide", signal, canClose: () => isDone || !form.isBusy });
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
      isDone = true;
      dialog.close();
      toast(rolled.changed ? `Rolled back: revision ${rolled.revision}.` : "Nothing changed.");
      await changed();
    },
  });
  const look = async (to) => {
    Object.assign(state, { to, dry: null, error: null });
    open();
    const found = { dry: null, error: null };
    try {
      found.dry = await post("/api/admin/registry/rollback", { to, dry_run: true }, { signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      found.error = error;
    }
    // The other state may have been asked for meanwhile.
    if (state.to === to) Object.assign(state, found);
    draw();
  };
  const choice = (to, text) =>
    html`<button type="button" aria-pressed=${state.to === to} @click=${() => look(to)}>${text}</button>`;
  const planned = () => {
    if (state.error) return failure(state.error, () => look(state.to));
    return state.dry ? rollbackForm(form, state.dry) : skeletonRows(4);
  };
  const open = () =>
    dialog.show(
      "Roll back",
      html`<div class="segments" role="group" aria-label="To which state">
          ${choice(row.revision, `As it was after ${row.revision}`)}
          ${choice(row.revision - 1, `As it was before ${row.revision}`)}
        </div>
        ${planned()}`,
    );
  look(row.revision);
}

const WHY = { name: "message", label: "Why", hint: "Stands in the history. It is a new revision; nothing is lost." };

/** What would become of it, and the button that does it. */
function rollbackForm(form, { changes, held }) {
  const button = { kind: "danger", busy: "Rolling back…", disabled: !changes.length };
  return html`${changeList(changes)} ${when(held.length, () => heldStrip(held))}
    <form class="stack" @submit=${form.handle}>
      ${form.summary()}${field(form, WHY)}
      <div class="actions end">${form.button("Roll back", button)}</div>
    </form>`;
}

const heldStrip = (held) =>
  html`<p class="strip" data-tone="info">
    ${icon("pin")}<span>These will be held, so that the next sync does not undo it: ${held.join(", ")}</span>
  </p>`;
