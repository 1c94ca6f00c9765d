// The button that saves a table as a file. A file that does not come is said, and nothing else happens.

import { ApiError, download } from "../api.js";
import { html } from "../html.js";
import { icon } from "./icons.js";
import { toast } from "./toast.js";

/** `text` says what is in it, "Export 21 rows (CSV)"; `path` is asked for once it is pressed, as `name`. */
export function exportButton({ text, path, name, disabled = false, atEnd = false }) {
  const save = async () => {
    try {
      await download(path(), name);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`${name} was not saved: ${error.message}`, { tone: "bad" });
    }
  };
  return html`<button type="button" class=${atEnd ? "button push" : "button"} ?disabled=${disabled} @click=${save}>
    ${icon("download")}${text}
  </button>`;
}
