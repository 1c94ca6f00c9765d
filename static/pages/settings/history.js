// Who changed which setting when, out of the audit log, and the way back to each state before.

import { ApiError } from "../../api.js";
import { timeAgo } from "../../components/bits.js";
import { changeList } from "../../components/changes.js";
import { confirm } from "../../components/dialog.js";
import { icon } from "../../components/icons.js";
import { toast } from "../../components/toast.js";
import { fieldDiff } from "../../field-diff.js";
import { html, repeat } from "../../html.js";

export function settingsHistory(rows, { live, write }) {
  return html`<ol class="history">
    ${repeat(
      rows,
      ({ id }) => id,
      (entry) =>
        html`<li class="panel">
          <header>
            <p><strong>${entry.actor}</strong> <span class="quiet">${timeAgo(entry.at)}</span></p>
            ${undoButton(entry, live.data?.values, write)}
          </header>
          ${changeList(entry.before, entry.after)}
        </li>`,
    )}
  </ol>`;
}

/** Off where everything already is as it was before that change. */
function undoButton(entry, values, write) {
  const isThere =
    !values ||
    !fieldDiff(Object.fromEntries(Object.keys(entry.before ?? {}).map((name) => [name, values[name]])), entry.before)
      .length;
  return html`<button type="button" class="button" ?disabled=${isThere} @click=${() => putBack(entry, values, write)}>
    ${icon("undo")}Put back what was before
  </button>`;
}

async function putBack({ before, actor }, values, write) {
  const now = Object.fromEntries(Object.keys(before).map((name) => [name, values[name]]));
  const isSure = await confirm({
    title: "Put back?",
    danger: false,
    action: "Put back",
    text: html`Takes these back to what they were before ${actor} changed them, at once and for everybody.
    ${changeList(now, before)}`,
  });
  if (!isSure) return;
  try {
    await write(before, "Put back.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, { tone: "bad" });
  }
}
