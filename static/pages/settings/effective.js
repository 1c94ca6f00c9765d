// Every setting in force: its value, where that came from, who changed it last, and the way back to the default.

import { at, badge, timeAgo } from "../../components/bits.js";
import { Dialog, confirm } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { table } from "../../components/table.js";
import { toast } from "../../components/toast.js";
import { ApiError } from "../../api.js";
import { valueText } from "../../field-diff.js";
import { html, when } from "../../html.js";

const SOURCES = {
  default: ["quiet", "the default"],
  environment: ["info", "environment"],
  database: ["good", "changed here"],
};
const TEXT_MAX = 80;
/** These have an editor of their own at the head of the page. */
const EDITED_ABOVE = ["system_prompt", "system_prompt_mode", "system_prompt_enabled"];

/**
 * What can be changed here, and, folded away, what was given at the start. `context`: `{write, now, signal}`, of which
 * `now(name)` is the row of a setting as it is in force.
 */
export function effectiveSettings(rows, context) {
  const given = rows.filter(({ editable }) => !editable);
  return html`${settingTable(
      "What can be changed here",
      rows.filter(({ editable }) => editable),
      context,
    )}
    <details>
      <summary class="group">Given at start (${given.length})</summary>
      <p class="quiet">
        By variables of the environment, or fixed in this version. They change when the process is started anew.
      </p>
      ${settingTable("Given at start", given, context)}
    </details>`;
}

function settingTable(caption, rows, context) {
  return table({
    caption,
    rows,
    keyOf: ({ name }) => name,
    columns: [
      {
        name: "name",
        label: "Setting",
        primary: true,
        render: ({ name, label, description }) =>
          html`${label ?? name}<span class="sub">${withCode(description)}</span>`,
      },
      { name: "value", label: "Value", render: value },
      { name: "source", label: "From", render: ({ source }) => badge(SOURCES[source][1], SOURCES[source][0]) },
      {
        name: "changed",
        label: "Last change",
        wide: true,
        render: ({ changed_at: time, changed_by: who }) =>
          time ? html`${who ?? "–"}<span class="sub">${timeAgo(time)}</span>` : html`<span class="quiet">–</span>`,
      },
      { name: "actions", label: "", render: (row) => when(row.editable, () => actions(row, context)) },
    ],
  });
}

/** The server marks names of fields with backticks. */
function withCode(text) {
  return text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
}

function value(row) {
  const text = valueText(row.value);
  const shown = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
  const isOther =
    row.source !== "default" && row.default !== undefined && JSON.stringify(row.default) !== JSON.stringify(row.value);
  return html`<code class="setting-value">${shown}</code
    >${isOther ? html`<span class="sub">default: ${valueText(row.default).slice(0, TEXT_MAX)}</span>` : ""}`;
}

function actions(row, context) {
  const back = () => button("Back to default", "quiet", () => toDefault(row, context.write));
  return html`<span class="actions end"
    >${when(!EDITED_ABOVE.includes(row.name), () => button("Change", "plain", () => edit(row, context)))}
    ${when(row.source === "database", back)}</span
  >`;
}

const button = (text, kind, press) =>
  html`<button type="button" class="button" data-kind=${kind} @click=${press}>${text}</button>`;

async function toDefault(row, write) {
  const name = row.label ?? row.name;
  const isSure = await confirm({
    title: "Back to the default?",
    danger: false,
    action: "Use the default",
    text: html`${name} becomes <strong>${valueText(row.default).slice(0, TEXT_MAX)}</strong> again, at once and for
      everybody.`,
  });
  if (!isSure) return;
  try {
    await write({ [row.name]: null }, `${name} is back to its default.`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message, { tone: "bad" });
  }
}

/** What it would be by itself, and what somebody else made of it since the dialog was opened. */
function hintOf({ value, default: byItself }, { value: current }) {
  const rival = current === value ? "" : ` It is ${valueText(current)} now.`;
  return `The default is ${valueText(byItself)}.${rival}`;
}

/** A dialog for one setting; its control is of the kind of its default. */
function edit(row, { write, now, signal }) {
  const dialog = new Dialog({ signal, canClose: () => !form.isBusy });
  const name = row.label ?? row.name;
  const kind = typeof row.default;
  const form = new Form({
    draw: () => dialog.isOpen && draw(),
    submit: async (values) => {
      const said = values[row.name];
      await write({ [row.name]: kind === "number" && said !== "" ? Number(said) : said }, `${name} is changed.`);
      dialog.done();
    },
  });
  const draw = () =>
    dialog.show(
      name,
      html`<form class="stack" @submit=${form.handle}>
        ${form.summary([row.name])}
        <p>${withCode(row.description)}</p>
        ${field(form, {
          name: row.name,
          label: name,
          required: true,
          autofocus: true,
          value: row.value,
          hint: hintOf(row, now(row.name)),
          ...(kind === "boolean"
            ? { type: "checkbox" }
            : kind === "number"
              ? { type: "number", inputmode: "numeric" }
              : {}),
        })}
        ${when(row.changed_at, (time) => html`<p class="quiet">Last changed by ${row.changed_by}, ${at(time)}.</p>`)}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>${form.button("Save")}
        </div>
      </form>`,
    );
  draw();
}
