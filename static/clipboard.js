// Copying text, with a word about it for eyes and ears.

import { announce } from "./announce.js";

const SHOWN_MS = 1600;

/** Copy `text`; `button` shows that it was done. */
export async function copyText(text, button = null) {
  await navigator.clipboard.writeText(text);
  announce("Copied.");
  if (!button) return;
  button.dataset.done = "true";
  setTimeout(() => delete button.dataset.done, SHOWN_MS);
}
