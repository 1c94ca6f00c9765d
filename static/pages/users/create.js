// A new user, then straight to their money and their first key: three steps, the last two may be skipped.

import { post } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { toast } from "../../components/toast.js";
import { html } from "../../html.js";
import { openKeyForm } from "../keys/form.js";
import { openTopUp } from "../money/top-up.js";

/** `changed(user)` is called whenever a step wrote something. */
export function openCreateUser({ changed }) {
  const form = new Form({ draw: () => dialog.isOpen && draw(), submit: (values) => create(values) });
  const dialog = new Dialog({ canClose: () => !form.isBusy });

  async function create(values) {
    const user = await post("/api/admin/users", Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim())));
    form.isBusy = false;
    dialog.close();
    toast(`User ${user.name} is created.`);
    changed(user);
    money(user);
  }
  const money = (user) => openTopUp(user, { step: "Step 2 of 3. Calls are refused until there is money.",
    skip: () => firstKey(user), done: () => { changed(user); firstKey(user); } });
  const firstKey = (user) => openKeyForm({ owner: user, step: "Step 3 of 3. What the user calls with.", canSkip: true, done: () => changed(user) });

  const draw = () => dialog.show("Create user", html`<form class="stack" novalidate @submit=${form.handle}>
    <p class="quiet">Step 1 of 3. Then money, and a first key.</p>${form.summary(["name", "email", "note"])}
    ${field(form, { name: "name", label: "Name", required: true, autofocus: true, maxlength: 200, hint: "A person, a team or a program." })}
    ${field(form, { name: "email", label: "E-mail", type: "email" })}
    ${field(form, { name: "note", label: "Note", type: "textarea", rows: 2, maxlength: 2000, hint: "For admins. The user never sees it." })}
    <div class="actions end"><button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>${form.button("Create user", { busy: "Creating…" })}</div></form>`);
  draw();
}
