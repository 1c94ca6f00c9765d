// What was deleted live while the file still declares it: it is in no list, so it stands over them.

import { get, post } from "../api.js";
import { timeAgo } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { Resource } from "../components/resource.js";
import { toast } from "../components/toast.js";
import { html } from "../html.js";
import { actorText } from "./words.js";
import { entityPath, tellError } from "./writes.js";

/** The deleted documents of one kind. `onback()` runs once one is back. */
export class Deleted extends Resource {
  #kind;
  #onback;

  constructor(context, kind, draw, onback) {
    super(context, (signal) => get("/api/admin/registry/drift", { signal }), draw);
    this.#kind = kind;
    this.#onback = onback;
  }

  get rows() {
    const isMeant = (one) => one.is_deleted && one.entity.startsWith(`${this.#kind}/`);
    return (this.data?.drift ?? []).filter(isMeant).map((one) => ({ ...one, key: one.entity.split("/")[1] }));
  }

  /** A strip for each, with the way back. */
  view() {
    return this.rows.map(
      ({ key, location, actor, at }) =>
        html`<p class="strip" data-tone="warn">
          ${icon("trash")}<span
            ><strong>${key}</strong> was deleted here by ${actorText(actor)}, ${timeAgo(at)}. The file still declares it
            (<code>${location}</code>).</span
          >
          <button type="button" class="button" @click=${() => this.#bringBack(key)}>
            ${icon("undo")}Bring it back
          </button>
        </p>`,
    );
  }

  async #bringBack(key) {
    try {
      await post(`${entityPath(this.#kind, key)}/revert`, {});
      toast(`${key} is back, as the file says it.`);
    } catch (error) {
      tellError(error);
    }
    await this.#onback();
  }
}
