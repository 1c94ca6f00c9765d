// Short words about what was just done, some with a way to undo it. They stay while pointed at or focused.

import { html, render, repeat, when } from "../html.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6000;
const UNDO_MS = 12_000;
const toasts = [];
let number = 0;

/** `tone`: good, bad, or info. `undo`: what the button does; `link`: `{href, text}`, where it is to be seen. Errors
 * stay until they are closed. */
export function toast(text, { tone = "good", undo = null, link = null } = {}) {
  // The same trouble again is the same trouble.
  if (tone === "bad" && toasts.some((entry) => entry.text === text)) return;
  const left = undo || link ? UNDO_MS : SHOWN_MS;
  const entry = { id: ++number, text, tone, undo, link, left, timer: null, begun: 0 };
  toasts.push(entry);
  if (tone !== "bad") run(entry);
  draw();
}

function run(entry) {
  clearTimeout(entry.timer);
  entry.begun = Date.now();
  entry.timer = setTimeout(() => close(entry), entry.left);
}

function pause(entry) {
  if (entry.timer === null) return;
  clearTimeout(entry.timer);
  entry.timer = null;
  entry.left = Math.max(1000, entry.left - (Date.now() - entry.begun));
}

function close(entry) {
  clearTimeout(entry.timer);
  toasts.splice(toasts.indexOf(entry), toasts.includes(entry) ? 1 : 0);
  draw();
}

async function undo(entry) {
  close(entry);
  await entry.undo();
}

function undoButton(entry) {
  return html`<button type="button" class="button" data-kind="quiet" @click=${() => undo(entry)}>Undo</button>`;
}

function draw() {
  render(
    repeat(
      toasts,
      (entry) => entry.id,
      (entry) =>
        html`<div
          class="toast"
          data-tone=${entry.tone}
          @mouseenter=${() => pause(entry)}
          @mouseleave=${() => entry.tone === "bad" || run(entry)}
          @focusin=${() => pause(entry)}
          @focusout=${() => entry.tone === "bad" || run(entry)}>
          ${icon(entry.tone === "bad" ? "error" : "check")}<span>${entry.text}</span>
          ${when(entry.link, ({ href, text }) => html`<a href=${href} @click=${() => close(entry)}>${text}</a>`)}
          ${when(entry.undo, () => undoButton(entry))}
          <button type="button" class="button" data-kind="icon" aria-label="Close" @click=${() => close(entry)}>
            ${icon("close")}
          </button>
        </div>`,
    ),
    document.getElementById("toasts"),
  );
}
