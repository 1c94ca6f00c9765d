// The form of the admin's password: on its own page, and over a page whose session ended.

import { ApiError } from "../api.js";
import { html } from "../html.js";
import { session } from "../session.js";
import { Dialog } from "./dialog.js";
import { Form, field } from "./forms.js";

const NAME = {
  name: "name",
  label: "Your name",
  hint: "Stands in the audit log beside what you do.",
  autocomplete: "username",
};
const PASSWORD = {
  name: "password",
  label: "Admin password",
  type: "password",
  required: true,
  autocomplete: "current-password",
};

/** `view()` draws it; `form` says whether it is busy. `done()` is called once signed in. */
export function passwordForm({ draw, done }) {
  const form = new Form({
    draw,
    submit: async ({ password, name }) => {
      const refused = await session.signIn(password, name);
      if (refused) throw new ApiError(401, { message: refused });
      done();
    },
  });
  const view = () =>
    html`<form class="stack" @submit=${form.handle}>
      ${form.summary()} ${field(form, NAME)}${field(form, PASSWORD)} ${form.button("Sign in", { busy: "Signing in…" })}
    </form>`;
  return { view, form };
}

/** Ask for the password over whatever is open. Resolves once signed in; rejects if it is given up. */
export function askAgain() {
  return new Promise((resolve, reject) => {
    let isIn = false;
    const dialog = new Dialog({
      canClose: () => !form.isBusy,
      onclose: () => isIn || reject(new ApiError(401, { message: "Not signed in any more." })),
    });
    const { view, form } = passwordForm({
      draw: () => draw(),
      done: () => {
        isIn = true;
        dialog.done();
        resolve();
      },
    });
    const draw = () => dialog.isOpen && show();
    const show = () =>
      dialog.show(
        "Your session has ended",
        html`<p>Sign in again to go on. What you typed is still there.</p>
          ${view()}`,
      );
    show();
  });
}
