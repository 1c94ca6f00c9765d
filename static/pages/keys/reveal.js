// A new key's text, shown once: copy, save, try it, and a box to tick before it goes.

import { copyText } from "../../clipboard.js";
import { snippet } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { icon } from "../../components/icons.js";
import { readModels } from "../../endpoints.js";
import { plural } from "../../format.js";
import { html, when } from "../../html.js";
import { saveText } from "../../saving.js";
import { fileNameOf, firstCalls } from "./snippets.js";

const NAMES_MAX = 4;
const NOT_STORED = html`<p class="field-error" role="alert">
  Tick the box first: once this is closed, nobody can show the key again.
</p>`;

/** `row` is the key's row, `text` the key itself, which nobody can read again. */
export function openReveal(row, text, { note = "", onclose = () => {} } = {}) {
  const state = { isStored: false, isAsked: false, tab: 0, test: null, models: [] };
  const keepOpen = (event) => event.preventDefault();
  const dialog = new Dialog({
    canClose: mayClose,
    onclose: () => {
      removeEventListener("beforeunload", keepOpen);
      onclose();
    },
  });
  addEventListener("beforeunload", keepOpen);

  function mayClose() {
    if (state.isStored) return true;
    state.isAsked = true;
    draw();
    document.getElementById("key-stored")?.focus();
    return false;
  }

  async function test() {
    state.test = { isBusy: true };
    draw();
    state.test = await tryKey(text);
    if (dialog.isOpen) draw();
  }

  const draw = () => {
    const snippets = firstCalls({ key: text, origin: location.origin, models: state.models });
    dialog.show(
      `Key ${row.name}`,
      html`<div class="stack">
        <p class="strip" data-tone="warn">
          ${icon("warning")}<span
            >This is the only time the key is shown. Store it where secrets belong.${note ? html` ${note}` : ""}</span
          >
        </p>
        <div class="secret"><code tabindex="0" aria-label="The key">${text}</code></div>
        <div class="actions">
          <button
            type="button"
            class="button"
            data-kind="primary"
            autofocus
            @click=${(event) => copyText(text, event.currentTarget)}>
            ${icon("copy")}Copy key
          </button>
          <button
            type="button"
            class="button"
            @click=${() => saveText(`${text}\n`, fileNameOf(row.name), "text/plain")}>
            ${icon("download")}Download
          </button>
          <button type="button" class="button" ?disabled=${state.test?.isBusy} @click=${test}>
            ${icon("play")}${state.test?.isBusy ? "Testing…" : "Test it now"}
          </button>
        </div>
        <div aria-live="polite">${verdict(state.test)}</div>
        <section class="stack tight">
          <h3>First call</h3>
          <div class="segments wraps" role="group" aria-label="Client">
            ${snippets.map(
              ([name], at) =>
                html`<button
                  type="button"
                  aria-pressed=${state.tab === at}
                  @click=${() => {
                    state.tab = at;
                    draw();
                  }}>
                  ${name}
                </button>`,
            )}
          </div>
          ${snippet(snippets[state.tab][1], { label: "Copy snippet" })}
        </section>
        <form
          class="actions spread"
          @submit=${(event) => {
            event.preventDefault();
            dialog.close();
          }}>
          <label class="check"
            ><input
              type="checkbox"
              id="key-stored"
              .checked=${state.isStored}
              @change=${(event) => {
                state.isStored = event.target.checked;
                draw();
              }} /><span>I have stored it</span></label
          >
          <button type="submit" class="button" data-kind=${state.isStored ? "primary" : "plain"}>Done</button>
        </form>
        ${when(state.isAsked && !state.isStored, () => NOT_STORED)}
      </div>`,
    );
  };
  draw();
  findModels(text).then((models) => {
    state.models = models;
    if (dialog.isOpen) draw();
  });
}

/** What the key may call and how, for snippets that work as they are; nothing where the server does not say. */
async function findModels(text) {
  try {
    const answer = await fetch("/api/user/connect", { headers: { authorization: `Bearer ${text}` } });
    return answer.ok ? readModels(await answer.json()) : [];
  } catch {
    return [];
  }
}

/** `GET /v1/models` with the key, as a client would: nothing is billed. */
async function tryKey(text) {
  try {
    const answer = await fetch("/v1/models", { headers: { authorization: `Bearer ${text}` } });
    const body = await answer.json();
    if (!answer.ok) return { error: body.error?.message ?? `The server answered ${answer.status}.` };
    return { models: body.data.map(({ id }) => id) };
  } catch {
    return { error: "No answer came." };
  }
}

function verdict(test) {
  if (!test || test.isBusy) return "";
  if (test.error)
    return html`<p class="strip" data-tone="bad">${icon("error")}<span>It does not work yet: ${test.error}</span></p>`;
  const { models } = test;
  const names = `${models.slice(0, NAMES_MAX).join(", ")}${models.length > NAMES_MAX ? ", …" : ""}`;
  return html`<p class="strip" data-tone="good">
    ${icon("check")}<span
      >It works: ${plural(models.length, "model")}${models.length ? ` (${names})` : ""}. Nothing was billed.</span
    >
  </p>`;
}
