// Text that leaves the page by the clipboard, with a word about it for eyes and ears.

import { announce } from "./announce.js";
import { toast } from "./components/toast.js";

const SHOWN_MS = 1600;

/** Copy `text`; `button` shows that it was done. */
export async function copyText(text, button = null) {
  if (!(await writeText(text))) {
    toast("The browser did not let this be copied. Select it and copy it by hand.", { tone: "bad" });
    return;
  }
  announce("Copied.");
  if (!button) return;
  button.dataset.done = "true";
  setTimeout(() => delete button.dataset.done, SHOWN_MS);
}

/** Whether it worked. Browsers have no clipboard where the page comes over plain HTTP; they still copy a selection. */
async function writeText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  // Behind a modal dialog nothing can be selected.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  before?.focus();
  return isCopied;
}
