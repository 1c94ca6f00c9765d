// Holds: parts of the registry that the files may not touch for a while, each with a reason and an end.

import { ApiError, del, get, post } from "../../api.js";
import { at, timeAgo } from "../../components/bits.js";
import { Dialog, confirm } from "../../components/dialog.js";
import { FieldFaults, Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { Resource, emptyState, show } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { toast } from "../../components/toast.js";
import { actorText } from "../../documents/words.js";
import { html } from "../../html.js";
import { asInput, fromInput } from "../../range.js";

const DAY_MS = 86_400_000;
const WHAT_FOR =
  "A hold keeps the files away from a model, a field, or everything until a time: for an incident, or for a price " +
  "that is tried out.";
const FIELDS = {
  entity: { label: "Entity", placeholder: "model/gpt-main", hint: "Empty: everything." },
  fields: { label: "Fields", placeholder: "pricing.*", hint: "A pattern of field paths. Empty: all of them." },
  until: { label: "Until (UTC)", type: "datetime-local", required: true },
  reason: { label: "Reason", required: true, hint: "Whoever finds the files without effect will read it." },
};

export function holdsTab({ signal, redraw, changed }) {
  const holds = new Resource(
    { signal },
    async (inner) => (await get("/api/admin/registry/holds", { signal: inner })).data,
    redraw,
  );
  const end = async (hold) => {
    if (
      !(await confirm({
        title: "End this hold?",
        text: `The files may change ${hold.entity ?? "everything"} again.`,
        action: "End the hold",
        danger: false,
      }))
    )
      return;
    try {
      await del(`/api/admin/registry/holds/${hold.id}`);
      toast("The hold is ended.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, { tone: "bad" });
    }
    await changed();
  };
  const add = html`<button type="button" class="button" data-kind="primary" @click=${() => askHold({ done: changed })}>
    ${icon("plus")}Add a hold
  </button>`;

  const view = () =>
    show(holds, {
      isEmpty: (rows) => !rows.length,
      empty: emptyState({
        title: "No holds",
        iconName: "pin",
        action: add,
        text: WHAT_FOR,
      }),
      data: (rows) =>
        html`<div class="toolbar"><span class="push"></span>${add}</div>
          ${table({
            caption: "Holds in force",
            rows,
            columns: [
              {
                name: "entity",
                label: "Of",
                primary: true,
                render: (hold) =>
                  html`${hold.entity ?? "everything"}${hold.fields ? html` <code>${hold.fields}</code>` : ""}`,
              },
              { name: "reason", label: "Reason", render: (hold) => hold.reason },
              { name: "by", label: "By", render: (hold) => actorText(hold.by) },
              {
                name: "until",
                label: "Until",
                render: (hold) =>
                  hold.until
                    ? html`${timeAgo(hold.until)}<span class="sub">${at(hold.until)}</span>`
                    : hold.until_files_change
                      ? "the files change"
                      : "it is ended",
              },
              {
                name: "end",
                label: "",
                align: "end",
                render: (hold) => html`<button type="button" class="button" @click=${() => end(hold)}>End</button>`,
              },
            ],
          })}`,
    });
  return { load: () => holds.load(), view };
}

/** Ask for a hold, of `entity` (`model/gpt-main`) or of what is typed; `done()` once it is there. */
export function askHold({ entity = "", done }) {
  let isMade = false;
  const dialog = new Dialog({ canClose: () => isMade || !form.isBusy });
  const draw = () => dialog.isOpen && open();
  const form = new Form({
    draw,
    submit: async (values) => {
      const until = fromInput(values.until);
      if (!until) throw new FieldFaults({ until: "is required" });
      await post("/api/admin/registry/holds", {
        entity: values.entity || null,
        fields: values.fields || null,
        until,
        reason: values.reason,
      });
      isMade = true;
      dialog.close();
      toast("The files are kept away from it.");
      await done();
    },
  });
  const first = { entity, until: asInput(new Date(Date.now() + 7 * DAY_MS).toISOString()) };
  const open = () =>
    dialog.show(
      "Hold",
      html`<form class="stack" @submit=${form.handle}>
        ${form.summary(Object.keys(FIELDS))}
        ${Object.entries(FIELDS).map(([name, options]) => field(form, { name, value: first[name], ...options }))}
        <div class="actions end">
          <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button>${form.button("Hold")}
        </div>
      </form>`,
    );
  open();
}
