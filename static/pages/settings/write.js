// Writing settings: what was seen goes along, so nobody's change is overwritten unseen; what was can be put back.

import { ifMatch, patch } from "../../api.js";
import { toast } from "../../components/toast.js";

/**
 * `write(changes, text)` changes settings; null takes one back to its default. It throws ApiError, with status 412 when
 * somebody was faster. `live` and `effective` are the resources of what is in force; `reload()` fetches what else shows
 * it.
 */
export function settingWriter({ live, effective, reload }) {
  /** What to write to have a setting as it is now: null where it is left to its default. */
  const now = (name) =>
    effective.data?.find((row) => row.name === name)?.source === "default" ? null : live.data.values[name];

  async function send(changes) {
    const { etag } = live.data;
    await patch("/api/admin/settings", changes, { headers: etag ? ifMatch(etag) : {} });
    await live.load();
    reload();
  }

  async function write(changes, text = "Saved.") {
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, now(name)]));
    await send(changes);
    toast(text, { undo: () => undo(before) });
  }

  async function undo(before) {
    try {
      await send(before);
      toast("Put back.");
    } catch (error) {
      toast(`Not put back: ${error.message}`, { tone: "bad" });
    }
  }

  return write;
}
