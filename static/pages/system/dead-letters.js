// Charges that the books refused: looked at, tried again, or dismissed with a reason.

import { ApiError, del, get, post, withQuery } from "../../api.js";
import { fineAmount, timeAgo } from "../../components/bits.js";
import { Dialog } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { ListResource, pager, show } from "../../components/resource.js";
import { table } from "../../components/table.js";
import { toast } from "../../components/toast.js";
import { html } from "../../html.js";

export class DeadLetters {
  #list;
  #draw;
  #changed;
  #signal;
  #busy = new Set();

  /** `changed` is called once a letter is gone. */
  constructor({ signal, draw, changed }) {
    this.#draw = draw;
    this.#changed = changed;
    this.#signal = signal;
    this.#list = new ListResource(
      { signal },
      ({ cursor, signal: aborted }) => get(withQuery("/api/admin/dead-letters", { cursor }), { signal: aborted }),
      draw,
    );
  }

  load() {
    return this.#list.load();
  }

  view() {
    return html`${show(this.#list, {
      data: () => this.#table(),
      isEmpty: ({ data }) => !data.length,
      empty: html`<p class="panel quiet">None. Every charge is in the books or on its way there.</p>`,
    })}${this.#list.rows.length ? pager(this.#list, "letter") : ""}`;
  }

  #table() {
    return table({
      caption: "Dead letters",
      rows: this.#list.rows,
      columns: [
        { name: "id", label: "Letter", primary: true, render: (row) => `${row.id}` },
        { name: "created_at", label: "When", render: ({ created_at: time }) => timeAgo(time) },
        { name: "reason", label: "What the database said", render: ({ reason }) => reason },
        {
          name: "user",
          label: "User",
          render: ({ user_id: user }) => (user ? html`<a href=${`/ui/users/${user}`}>${user}</a>` : "–"),
        },
        { name: "model", label: "Model", wide: true, render: ({ model }) => model ?? "–" },
        { name: "cost", label: "Cost", align: "end", render: ({ cost }) => fineAmount(cost) },
        {
          name: "request",
          label: "Request",
          wide: true,
          render: ({ request_id: id }) => (id ? html`<code>${id}</code>` : "–"),
        },
        {
          name: "actions",
          label: "",
          render: (row) =>
            html`<span class="actions end"
              ><button
                type="button"
                class="button"
                ?disabled=${this.#busy.has(row.id)}
                @click=${() => this.#retry(row)}>
                ${this.#busy.has(row.id) ? "Trying…" : "Try again"}
              </button>
              <button
                type="button"
                class="button"
                data-kind="quiet"
                ?disabled=${this.#busy.has(row.id)}
                @click=${() => this.#dismiss(row)}>
                Dismiss
              </button></span
            >`,
        },
      ],
    });
  }

  async #retry({ id }) {
    this.#busy.add(id);
    this.#draw();
    try {
      const { settled } = await post(`/api/admin/dead-letters/${id}/retry`, {});
      toast(settled ? `Letter ${id} is settled.` : `Letter ${id} was in the books already. No money moved.`);
      this.#changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`Letter ${id} was refused again: ${error.message}`, { tone: "bad" });
    }
    this.#busy.delete(id);
    await this.#list.load();
  }

  #dismiss({ id }) {
    const dialog = new Dialog({ signal: this.#signal, canClose: () => !form.isBusy });
    const form = new Form({
      draw: () => dialog.isOpen && draw(),
      submit: async ({ reason }) => {
        await del(`/api/admin/dead-letters/${id}`, { body: { reason } });
        dialog.done();
        toast(`Letter ${id} is dismissed. The audit log keeps it.`);
        this.#changed();
        this.#list.load();
      },
    });
    const draw = () =>
      dialog.show(
        `Dismiss letter ${id}?`,
        html`<form class="stack" @submit=${form.handle}>
          ${form.summary(["reason"])}
          <p>Its charge will never be made: the request stays unbilled. The audit log keeps the whole record.</p>
          ${field(form, { name: "reason", label: "Why", required: true, autofocus: true })}
          <div class="actions end">
            <button type="button" class="button" @click=${() => dialog.close()}>Cancel</button
            >${form.button(`Dismiss letter ${id}`, { kind: "danger", busy: "Dismissing…" })}
          </div>
        </form>`,
      );
    draw();
  }
}
