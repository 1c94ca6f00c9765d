// The tables of who gets in: a program's token, an admin's session, and how each is ended.

import { ApiError, del } from "../../api.js";
import { at, badge, timeAgo } from "../../components/bits.js";
import { confirm } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { actorText } from "../../documents/words.js";
import { lastUse } from "../../format.js";
import { html, when } from "../../html.js";
import { scopeText } from "./scopes.js";

const used = { name: "last_used", label: "Last used", render: ({ last_used_at: time }) => lastUsed(time) };
const ends = { name: "expires", label: "Ends", render: ({ expires_at: time }) => at(time) };
const lastUsed = (time) => (time ? timeAgo(time) : html`<span class="quiet">never</span>`);

export function programColumns(changed) {
  return [
    { name: "name", label: "Program", primary: true, render: ({ name }) => name },
    { name: "scope", label: "May", render: ({ scope }) => scopeText(scope) },
    {
      name: "created",
      label: "Made",
      render: (row) => html`${timeAgo(row.created_at)}<span class="sub">by ${actorText(row.created_by)}</span>`,
    },
    used,
    ends,
    actions((row) => endButton(row, "Revoke", () => revokeToken(row, changed))),
  ];
}

export function sessionColumns(changed) {
  return [
    { name: "name", label: "Admin", primary: true, render: sessionName },
    { name: "address", label: "From", render: ({ address }) => html`<code>${address ?? "–"}</code>` },
    { name: "created", label: "Since", render: ({ created_at: time }) => timeAgo(time) },
    used,
    ends,
    actions((row) => when(!row.is_yours, () => endButton(row, "Sign out", () => signOut(row, changed)))),
  ];
}

const sessionName = (row) =>
  html`${row.name ?? html`<span class="quiet">gave no name</span>`} ${when(row.is_yours, () => badge("you", "info"))}`;

const actions = (render) => ({ name: "actions", label: "Actions", align: "end", render });

const endButton = (row, text, end) =>
  html`<button type="button" class="button" aria-label=${`${text} ${nameOf(row)}`} @click=${end}>${text}</button>`;

const nameOf = ({ name }) => name ?? "the admin without a name";

async function revokeToken(row, changed) {
  const isSure = await confirm({
    title: `Revoke token ${row.name}?`,
    text: html`It may ${scopeText(row.scope)}. ${lastUse(row.last_used_at)} <br />Whatever uses it is refused at once.
      This cannot be undone.`,
    action: `Revoke token ${row.name}`,
  });
  if (isSure) await end(row, `Token ${row.name} is revoked.`, changed);
}

async function signOut(row, changed) {
  const isSure = await confirm({
    title: `Sign out ${nameOf(row)}?`,
    text: "Their page asks for the password at its next step. What they typed there is kept.",
    action: `Sign out ${nameOf(row)}`,
  });
  if (isSure) await end(row, `${row.name ?? "The admin"} is signed out.`, changed);
}

async function end(row, done, changed) {
  try {
    await del(`/api/admin/tokens/${row.id}`);
    toast(done);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(`${nameOf(row)} is not ended: ${error.message}`, { tone: "bad" });
  }
  changed();
}
