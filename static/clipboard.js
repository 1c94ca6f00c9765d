// Text that leaves the page: copied, with a word about it for eyes and ears, or saved as a file.

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

/** Save text as a file of that name. */
export const saveText = (text, name, type = "text/csv") => saveBlob(new Blob([text], { type }), name);

/** Save bytes as a file of that name. */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
