// What can be done to a key that is there: rotate it, revoke it.

import { ApiError, del, post } from "../../api.js";
import { Dialog, confirm } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { toast } from "../../components/toast.js";
import { lastUse } from "../../format.js";
import { html } from "../../html.js";
import { GRACES, shownKey } from "./limits.js";
import { openReveal } from "./reveal.js";

/** A new key in place of this one. `done(newKey)` hears of it. */
export function openRotate(key, { done = () => {} }) {
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => rotate(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });

  async function rotate({ grace }) {
    const {
      key: text,
      replaces,
      ...row
    } = await post(`/api/admin/keys/${key.id}/rotate`, { grace_hours: Number(grace) });
    dialog.done();
    const shown = { user_name: key.user_name, ...row };
    done(shown, replaces ?? null);
    openReveal(shown, text, {
      note: grace === "0" ? "The old one is revoked." : "The old one works a while longer: put this one in its place.",
    });
  }

  const draw = () =>
    dialog.show(
      `Rotate key ${key.name}`,
      html`<form class="stack" @submit=${form.handle}>
        ${form.summary(["grace"])}
        <p>
          A new key with the same name and limits takes the place of <code>${shownKey(key)}</code>.
          ${lastUse(key.last_used_at)}
        </p>
        ${field(form, {
          name: "grace",
          label: "The old key stops",
          type: "select",
          required: true,
          options: GRACES,
          value: "24",
          hint: "Time to put the new key where the old one is.",
        })}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button
          >${form.button(`Rotate key ${key.name}`, { busy: "Rotating…" })}
        </div>
      </form>`,
    );
  draw();
}

/** Ask, then revoke. `done()` runs once it is revoked. */
export async function revokeKey(key, { done = () => {} }) {
  const isSure = await confirm({
    title: `Revoke key ${key.name}?`,
    text: html`<code>${shownKey(key)}</code>${key.user_name ? html` of <strong>${key.user_name}</strong>` : ""}.
      ${lastUse(key.last_used_at)} Whatever uses it is refused at once. This cannot be undone.`,
    action: `Revoke key ${key.name}`,
  });
  if (!isSure) return;
  try {
    await del(`/api/admin/keys/${key.id}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(`Key ${key.name} is not revoked: ${error.message}`, { tone: "bad" });
    return;
  }
  toast(`Key ${key.name} is revoked.`);
  done();
}
