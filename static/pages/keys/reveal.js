// A new key's text, shown once: try it, and the first call with it.

import { snippet } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { ShownOnce } from "../../components/shown-once.js";
import { readModels } from "../../endpoints.js";
import { plural } from "../../format.js";
import { html } from "../../html.js";
import { secretFile } from "../../saving.js";
import { firstCalls } from "./snippets.js";

const NAMES_MAX = 4;

/** `row` is the key's row, `text` the key itself, which nobody can read again. */
export function openReveal(row, text, { note = "" } = {}) {
  const state = { tab: 0, test: null, models: [] };
  const shown = new ShownOnce({
    title: `Key ${row.name}`,
    what: "key",
    text,
    file: secretFile("key", row.name),
    note,
    actions: () =>
      html`<button type="button" class="button" ?disabled=${state.test?.isBusy} @click=${test}>
        ${icon("play")}${state.test?.isBusy ? "Testing…" : "Test it now"}
      </button>`,
    below: () =>
      html`<div aria-live="polite">${verdict(state.test)}</div>
        <section class="stack tight">
          <h3>First call</h3>
          ${firstCall()}
        </section>`,
  });

  async function test() {
    state.test = { isBusy: true };
    shown.draw();
    state.test = await tryKey(text);
    shown.redraw();
  }

  const choose = (tab) => {
    state.tab = tab;
    shown.draw();
  };

  function firstCall() {
    const snippets = firstCalls({ key: text, origin: location.origin, models: state.models });
    return html`<div class="segments wraps" role="group" aria-label="Client">
        ${snippets.map(
          ([name], at) =>
            html`<button type="button" aria-pressed=${state.tab === at} @click=${() => choose(at)}>${name}</button>`,
        )}
      </div>
      ${snippet(snippets[state.tab][1], { label: "Copy snippet" })}`;
  }

  shown.draw();
  findModels(text).then((models) => {
    state.models = models;
    shown.redraw();
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
