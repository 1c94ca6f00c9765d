// The dialog of a new token for a program, then its text once.

import { post } from "../../api.js";
import { snippet } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { ShownOnce } from "../../components/shown-once.js";
import { html } from "../../html.js";
import { secretFile } from "../../saving.js";
import { DAYS, SCOPES, firstUse, scopeText } from "./scopes.js";

const FIELDS = ["name", "scope", "days"];

/** `done()` runs once it is made, before its text is put away. */
export function openTokenForm({ done }) {
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => create(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });

  async function create({ name, scope, days }) {
    const made = await post("/api/admin/tokens", { name, scope, days: Number(days) });
    dialog.done();
    done();
    showToken(made);
  }

  const draw = () =>
    dialog.show(
      "New token",
      html`<form class="stack" @submit=${form.handle}>
        ${form.summary(FIELDS)}
        ${field(form, {
          name: "name",
          label: "Name",
          required: true,
          autofocus: true,
          maxlength: 200,
          placeholder: "ci",
          hint: "Which program has it. The audit log names it so.",
        })}
        ${field(form, { name: "scope", label: "It may", type: "select", required: true, options: SCOPES })}
        ${field(form, { name: "days", label: "It ends", type: "select", required: true, options: DAYS, value: "90" })}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>
          ${form.button("Create token", { busy: "Creating…" })}
        </div>
      </form>`,
    );
  draw();
}

function showToken({ name, scope, token }) {
  new ShownOnce({
    title: `Token ${name}`,
    what: "token",
    text: token,
    file: secretFile("token", name),
    note: `It may ${scopeText(scope)}.`,
    below: () =>
      html`<section class="stack tight">
        <h3>First use</h3>
        ${snippet(firstUse({ scope, token, origin: location.origin }), { label: "Copy snippet" })}
      </section>`,
  }).draw();
}
