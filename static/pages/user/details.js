// Who a user is: name, e-mail, note; what they may use at most. Also the two ways to end it: disable, which can be
// undone, and delete.

import { ApiError, del } from "../../api.js";
import { confirm } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { toast } from "../../components/toast.js";
import { compareDecimals } from "../../decimal.js";
import { money } from "../../format.js";
import { html, keyed } from "../../html.js";
import { limitsPanel } from "./limits.js";

export function detailsTab({ id, user, draw, replace, save, router }) {
  /** What the fields began with: only what differs from it is written, so nobody's other change is undone. */
  let begun = textsOf(user());
  const form = new Form({ draw, submit: (values) => write(values) });

  async function write(values) {
    if (!values.name.trim()) throw new FieldFaults({ name: "is required" });
    const changes = Object.fromEntries(
      Object.entries(begun)
        .filter(([name, was]) => values[name].trim() !== was)
        .map(([name]) => [name, values[name].trim() || null]),
    );
    if (!Object.keys(changes).length) {
      toast("Nothing was changed.", { tone: "info" });
      return;
    }
    const saved = await save(changes);
    begun = textsOf(saved);
    replace(saved);
    toast(`${saved.name} is saved.`);
  }

  async function setDisabled(disabled, { undo = true } = {}) {
    try {
      const saved = await save({ disabled });
      replace(saved);
      toast(disabled ? `${saved.name} is disabled: calls are refused.` : `${saved.name} may call again.`, {
        undo: undo ? () => setDisabled(!disabled, { undo: false }) : null,
      });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`Nothing was changed: ${error.message}`, { tone: "bad" });
    }
  }

  async function remove() {
    const one = user();
    const left =
      compareDecimals(one.balance, "0") === 0
        ? ""
        : ` The balance of ${money(one.balance)} stays in the books and cannot be used.`;
    const isSure = await confirm({
      title: `Delete ${one.name}?`,
      action: `Delete user ${one.name}`,
      typed: one.name,
      text: `Every key is revoked at once. Ledger and requests are kept.${left} This cannot be undone.`,
    });
    if (!isSure) return;
    try {
      await del(`/api/admin/users/${id}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`${one.name} is not deleted: ${error.message}`, { tone: "bad" });
      return;
    }
    toast(`${one.name} is deleted.`);
    router.go("/ui/users");
  }

  return {
    template: () => {
      const one = user();
      return html`<div class="columns">
        <form class="panel stack" novalidate @submit=${form.handle}>
          <h2>About</h2>
          ${form.summary(["name", "email", "note"])}
          ${keyed(
            begun,
            html`${field(form, { name: "name", label: "Name", required: true, value: begun.name, maxlength: 200 })}
            ${field(form, { name: "email", label: "E-mail", type: "email", value: begun.email })}
            ${field(form, {
              name: "note",
              label: "Note",
              type: "textarea",
              rows: 4,
              value: begun.note,
              maxlength: 2000,
              hint: "For admins. It never touches the balance, and the user never sees it.",
            })}`,
          )}
          <div class="actions">${form.button("Save")}</div>
        </form>
        <div class="stack">
          ${limitsPanel(one, { save, done: replace })}
          <section class="panel">
            <h2>${one.disabled ? "Disabled" : "Disable"}</h2>
            <p>
              ${
                one.disabled
                  ? "Calls with this user's keys are refused. Money and keys are as they were."
                  : "Refuse all calls for now. Money and keys stay as they are."
              }
            </p>
            <button type="button" class="button" @click=${() => setDisabled(!one.disabled)}>
              ${icon(one.disabled ? "play" : "stop")}${one.disabled ? "Enable" : "Disable"} ${one.name}
            </button>
          </section>
          <section class="panel">
            <h2>Delete</h2>
            <p>Revokes every key and takes the user off the list. The books keep every entry and request.</p>
            <button type="button" class="button" data-kind="danger" @click=${remove}>
              ${icon("trash")}Delete ${one.name}
            </button>
          </section>
        </div>
      </div>`;
    },
  };
}

const textsOf = ({ name, email, note }) => ({ name, email: email ?? "", note: note ?? "" });
