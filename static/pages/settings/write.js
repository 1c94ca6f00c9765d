// Writing settings: what was seen goes along, so nobody's change is overwritten unseen; what was can be put back.

import { ApiError, ifMatch, patch } from "../../api.js";
import { toast } from "../../components/toast.js";

const RIVAL =
  "Somebody changed the settings meanwhile, so nothing was saved. What is in force now is shown; save again to go on.";

/**
 * `write(changes, text)` changes settings; null takes one back to its default. It throws ApiError, with status 412 when
 * somebody was faster: by then what they wrote is on the page. `live` and `effective` are the resources of what is in
 * force; `reload()` fetches what else shows it.
 */
export function settingWriter({ live, effective, reload }) {
  /** What to write to have a setting as it is now: null where it is left to its default. */
  const now = (name) =>
    effective.data?.find((row) => row.name === name)?.source === "default" ? null : live.data.values[name];

  async function send(changes) {
    const { etag } = live.data;
    try {
      await patch("/api/admin/settings", changes, { headers: etag ? ifMatch(etag) : {} });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
      await Promise.all([live.load(), reload()]);
      throw new ApiError(412, { ...error.details, message: RIVAL });
    }
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
      if (!(error instanceof ApiError)) throw error;
      toast(`Not put back: ${error.message}`, { tone: "bad" });
    }
  }

  return write;
}
