// Sign in: an admin with the password, a user with an API key, which stays in this tab's memory.

import { ApiError } from "../api.js";
import { arrivalOf, safeNext, whoseAddress } from "../arrival.js";
import { Form, field } from "../components/forms.js";
import { icon } from "../components/icons.js";
import { passwordForm } from "../components/sign-in.js";
import { logo } from "../components/shell.js";
import { html, when } from "../html.js";
import { session } from "../session.js";

export default function login({ query, draw, router }) {
  const isUser = () => query().get("as") === "user";
  const arrive = () => router.go(arrivalOf(query()), { replace: true });
  const { view: byPassword } = passwordForm({ draw: () => show(), done: arrive });
  const keyForm = new Form({
    draw: () => show(),
    submit: async ({ key }) => {
      const refused = await session.useKey(key);
      if (refused) throw new ApiError(401, { message: refused });
      arrive();
    },
  });

  const show = () =>
    draw(
      html`<section class="door">
        <p class="brand door-brand">${logo()}<span>quart-proxy</span></p>
        <h1 tabindex="-1">${isUser() ? "See your balance" : "Sign in"}</h1>
        <nav class="segments" aria-label="Who you are">
          <a href=${switchTo("admin")} aria-current=${isUser() ? "false" : "page"}>Admin</a>
          <a href=${switchTo("user")} aria-current=${isUser() ? "page" : "false"}>User</a>
        </nav>
        ${isUser() ? byKey() : byPassword()}
      </section>`,
    );

  const switchTo = (who) => {
    const next = safeNext(query().get("next"));
    return `/ui/login?as=${who}${next && whoseAddress(next) === who ? `&next=${encodeURIComponent(next)}` : ""}`;
  };

  const byKey = () =>
    html`<form class="stack" @submit=${keyForm.handle}>
      ${when(session.hasForgotten && !keyForm.error, forgotten)} ${keyForm.summary()}
      ${field(keyForm, {
        name: "key",
        label: "Your API key",
        type: "password",
        required: true,
        autofocus: true,
        placeholder: "sk-…",
        hint: "It stays in this tab's memory: closing or reloading the tab forgets it.",
      })}
      ${keyForm.button("Show my balance", { busy: "Looking…" })}
    </form>`;

  show();
  return { onquery: show };
}

const forgotten = () =>
  html`<p class="strip" data-tone="info" role="status">
    ${icon("info")}<span
      >This tab was loaded anew and has forgotten your key, so that nobody else finds it in this browser. Paste it again
      to go on where you were.</span
    >
  </p>`;
