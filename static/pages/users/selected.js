// What can be done to the users that are selected: give them money, switch them off or on, save them as a file.

import { ApiError, get, patch, withQuery } from "../../api.js";
import { announce } from "../../announce.js";
import { amount } from "../../components/bits.js";
import { confirm } from "../../components/dialog.js";
import { exportButton } from "../../components/export.js";
import { icon } from "../../components/icons.js";
import { selectColumn } from "../../components/select-column.js";
import { toast } from "../../components/toast.js";
import { addDecimals } from "../../decimal.js";
import { listed, plural } from "../../format.js";
import { html, when } from "../../html.js";
import { isTyping } from "../../keyboard.js";
import { Selection } from "../../selection.js";
import { openCreditSeveral } from "../money/credit-several.js";

/** What the API takes at once. */
const MOST = 200;
const GONE = "somebody selected was deleted meanwhile. The list is as it is now.";

/** `rows()`: the users that are shown; `replace(users)` and `reload()` bring the list to what the server has. */
export function selectedUsers({ signal, rows, replace, reload, draw, sortedBy }) {
  const selection = new Selection();
  let isBusy = false;
  const users = () => rows().filter(({ id }) => selection.has(id));

  const changed = () => {
    draw();
    if (selection.size) announce(`${plural(selection.size, "user")} selected`);
  };
  const selectShown = () => {
    selection.put(
      rows().map(({ id }) => id),
      true,
    );
    changed();
  };
  /** The bar goes, and what had the focus in it: back to the box that was pressed last. */
  const clear = () => {
    const isInBar = document.activeElement?.closest(".selection-bar");
    selection.clear();
    draw();
    announce("Nobody is selected");
    const box = document.querySelector(`main tr[data-key="${selection.last}"] .pick input`);
    if (isInBar) (box ?? document.querySelector("main h1"))?.focus();
  };

  document.addEventListener(
    "keydown",
    (event) => {
      const isOthers = event.defaultPrevented || document.querySelector("dialog[open], :popover-open");
      if (event.key === "Escape" && selection.size && !isOthers && !isTyping(event.target)) clear();
    },
    { signal },
  );

  /** They are done with; whoever was selected meanwhile stays so. */
  const letGo = (ids) => {
    selection.put(ids, false);
    draw();
  };
  const gone = (what) => {
    toast(`${what}: ${GONE}`, { tone: "bad" });
    reload();
  };
  const credit = () =>
    openCreditSeveral(users(), {
      done: async (ids) => {
        letGo(ids);
        await refresh(ids);
      },
      gone: () => gone("Nobody is credited"),
    });

  async function refresh(ids) {
    try {
      replace((await get(withQuery("/api/admin/users", { ids: ids.join(","), limit: MOST }), { signal })).data);
    } catch (error) {
      if (error instanceof ApiError) reload();
      else if (error.name !== "AbortError") throw error;
    }
  }

  async function setDisabled(ids, disabled, { undo = true } = {}) {
    isBusy = true;
    draw();
    try {
      replace((await patch("/api/admin/users", { user_ids: ids, disabled })).data);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const what = `Nobody is ${disabled ? "disabled" : "enabled"}`;
      if (error.faults.has("user_ids")) gone(what);
      else toast(`${what}: ${error.message}`, { tone: "bad" });
      return;
    } finally {
      isBusy = false;
      draw();
    }
    letGo(ids);
    toast(`${plural(ids.length, "user")} ${disabled ? "disabled: calls are refused." : "may call again."}`, {
      undo: undo ? () => setDisabled(ids, !disabled, { undo: false }) : null,
    });
  }

  async function ask(some, disabled) {
    const several = plural(some.length, "user");
    const action = `${disabled ? "Disable" : "Enable"} ${several}`;
    const names = listed(some.map(({ name }) => name));
    const text = html`<strong>${names}</strong>: ${disabled ? REFUSED : TAKEN}`;
    const isSure = await confirm({ title: `${action}?`, text, action, danger: disabled });
    if (!isSure) return;
    await setDisabled(
      some.map(({ id }) => id),
      disabled,
    );
  }

  /** One way to switch them, or both where some are off and some are on. */
  const switches = (all) =>
    [true, false].map((disabled) => {
      const some = all.filter((user) => user.disabled !== disabled);
      return when(some.length, () =>
        button(disabled ? "Disable…" : "Enable…", disabled ? "stop" : "play", () => ask(some, disabled)),
      );
    });
  const button = (text, iconName, action) =>
    html`<button type="button" class="button" ?disabled=${isBusy || selection.size > MOST} @click=${action}>
      ${icon(iconName)}${text}
    </button>`;
  const save = () =>
    exportButton({
      text: "Export (CSV)",
      path: () => withQuery("/api/admin/users.csv", { ids: idsOf(users()), ...sortedBy() }),
      name: "selected-users.csv",
      disabled: selection.size > MOST,
    });

  const bar = () => {
    const all = users();
    return html`<section class="selection-bar" aria-label="Selected users">
      <span class="selected"
        ><span><strong>${plural(all.length, "user")}</strong> selected</span>
        <span class="quiet">${all.length > MOST ? `At most ${MOST} at once` : html`${balanceOf(all)} in all`}</span>
        ${when(
          all.length < rows().length,
          () =>
            html`<button type="button" class="link" @click=${selectShown}>Select all ${rows().length} shown</button>`,
        )}
        <button type="button" class="link" title="Esc" @click=${clear}>Clear selection</button></span
      >
      <span class="actions">${button("Credit…", "wallet", credit)}${switches(all)}${save()}</span>
    </section>`;
  };

  return {
    column: () => selectColumn({ selection, rows: rows(), nameOf: ({ name }) => name, changed }),
    bar: () => when(selection.size, bar),
    has: ({ id }) => selection.has(id),
    keepShown: () => selection.keepOnly(rows().map(({ id }) => id)),
    forget: () => selection.clear(),
  };
}

const REFUSED =
  "calls are refused from now on. Requests that are running go on to their end and are charged. " +
  "Money and keys stay as they are.";
const TAKEN = "their keys may call again, as far as their money lasts.";

const idsOf = (users) => users.map(({ id }) => id).join(",");
const balanceOf = (users) => amount(addDecimals("0", ...users.map(({ balance }) => balance)));
