// The drawer of one request: opened by the address (`?open=req_…`), with the ones before and after it in the list.

import { get } from "../../api.js";
import { Dialog } from "../../components/dialog.js";
import { icon } from "../../components/icons.js";
import { Resource, show } from "../../components/resource.js";
import { html } from "../../html.js";
import { preferences } from "../../preferences.js";
import { receiptBody } from "./receipt.js";

/** `rows()` are those of the list, in which one steps. */
export class RequestDrawer {
  #router;
  #source;
  #rows;
  #signal;
  #dialog;
  #id = null;
  #receipt = null;

  constructor({ router, signal, source, rows }) {
    this.#router = router;
    this.#source = source;
    this.#rows = rows;
    this.#signal = signal;
    this.#dialog = new Dialog({ kind: "drawer", signal, onclose: () => router.setQuery({ open: null }) });
    document.addEventListener("keydown", (event) => this.#press(event), { signal });
  }

  /** Show what the address says: the request `id`, or nothing. */
  follow(id) {
    if (id === this.#id) return;
    this.#id = id;
    if (!id) {
      this.#dialog.close();
      return;
    }
    const receipt = new Resource(
      { signal: this.#signal },
      (signal) => get(`${this.#source.api}/usage/${encodeURIComponent(id)}`, { signal }),
      () => this.#receipt === receipt && this.#show(),
    );
    this.#receipt = receipt;
    receipt.load();
  }

  #show() {
    if (!this.#id) return;
    const at = this.#place();
    const rows = this.#rows();
    const step = (by, name, iconName, key) =>
      html`<button
        type="button"
        class="button"
        data-kind="icon"
        aria-label=${`${name} request`}
        title=${`${name} request (${key})`}
        ?disabled=${at < 0 || !rows[at + by]}
        @click=${() => this.#step(by)}>
        ${icon(iconName)}
      </button>`;
    this.#dialog.show("Request", show(this.#receipt, { data: (receipt) => receiptBody(receipt, this.#source) }), {
      actions: html`${step(-1, "Previous", "left", "[")}${step(1, "Next", "right", "]")}`,
    });
  }

  /** Where it stands in the list; the address may have another of its ids. */
  #place() {
    const id = this.#receipt.data?.request_id ?? this.#id;
    return this.#rows().findIndex((row) => row.request_id === id);
  }

  /** Back leads out of the drawer, not through all that was looked at. */
  #step(by) {
    const at = this.#place();
    const next = at < 0 ? null : this.#rows()[at + by];
    if (next) this.#router.setQuery({ open: next.request_id }, { replace: true });
  }

  #press(event) {
    if (!this.#id || event.ctrlKey || event.metaKey || event.altKey || !preferences.hasShortcuts) return;
    if (event.key === "[") this.#step(-1);
    else if (event.key === "]") this.#step(1);
  }
}
