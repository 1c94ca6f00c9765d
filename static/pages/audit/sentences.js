// What an entry of the audit log says, as a sentence: what was done, to which thing, and what there is to add. Pure.

import { actionTone, targetHref } from "../../audit-targets.js";
import { compareDecimals } from "../../decimal.js";
import { moment, money, plural, signedMoney } from "../../format.js";

const DOCUMENTS = ["model", "provider"];
const DONE = {
  create: "Created",
  update: "Changed",
  rename: "Renamed",
  restore: "Restored",
  delete: "Deleted",
  test: "Tested",
  detach: "Took from the files",
};

/** What each action is, in a few words: for the list to choose from, and the beginning of most sentences. */
const ACTIONS = {
  __proto__: null,
  "user.create": "Created user",
  "user.update": "Changed user",
  "user.delete": "Deleted user",
  "key.create": "Created key",
  "key.update": "Changed key",
  "key.rotate": "Rotated key",
  "key.revoke": "Revoked key",
  "ledger.record": "Moved money of",
  "ledger.reverse": "Reversed an entry of",
  "session.login": "Signed in",
  "session.logout": "Signed out",
  "session.refuse": "Gave a wrong password",
  "settings.update": "Changed the",
  "session.revoke": "Signed out",
  "token.create": "Made token",
  "token.revoke": "Revoked token",
  "secret.create": "Kept the key of",
  "secret.rotate": "Replaced the key of",
  "secrets.reseal": "Sealed all kept keys anew",
  "registry.hold": "Held the files off",
  "registry.unhold": "Lifted hold",
  "registry.resolve": "Settled the conflict at",
  "dead_letter.retry": "Settled refused charge",
  "dead_letter.dismiss": "Dismissed refused charge",
  ...Object.fromEntries(
    DOCUMENTS.flatMap((kind) => Object.entries(DONE).map(([verb, done]) => [`${kind}.${verb}`, `${done} ${kind}`])),
  ),
};
/** Their target says no more than they do themselves. */
const ALONE = new Set(["session.login", "session.logout", "session.refuse", "secrets.reseal"]);
const MOVED = { credit: "Credited", grant: "Granted", refund: "Refunded" };

/** An action in words, without what it was done to: `settings.update` is "Changed the settings". */
export function actionText(action) {
  const text = ACTIONS[action] ?? action;
  return action === "settings.update" ? "Changed the settings" : text.replace(/ (of|at|for|off)$/, "");
}

/** `{lead, object, href, tone}`: "Credited $5.00 to", "Ada", the address of Ada, and how it looks. `object` is null
 * where there is none, `href` where it has no page. */
export function sentenceOf(entry) {
  const said = { lead: leadOf(entry), tone: actionTone(entry.action) };
  if (ALONE.has(entry.action)) return { ...said, object: null, href: null };
  return { ...said, object: objectOf(entry), href: hrefOf(entry) };
}

/** The sentence as text. */
export function sentenceText(entry) {
  const { lead, object } = sentenceOf(entry);
  return object === null ? lead : `${lead} ${object}`;
}

function leadOf({ action, before, after }) {
  switch (action) {
    case "ledger.record":
      return movedLead(after);
    case "ledger.reverse":
      return after?.reverses ? `Reversed entry ${after.reverses} of` : ACTIONS[action];
    case "user.update":
      if (isSwitched({ after })) return after.disabled ? "Disabled user" : "Enabled user";
      return ACTIONS[action];
    case "session.refuse":
      return after?.name ? `Gave a wrong password, as “${after.name}”` : ACTIONS[action];
    case "settings.update": {
      const names = Object.keys(after ?? before ?? {});
      return names.length === 1 && names[0] === "system_prompt" ? "Changed the system prompt in the" : ACTIONS[action];
    }
    default:
      return ACTIONS[action] ?? action;
  }
}

/** Whether nothing but that was changed: calls are refused from then on, or taken again. */
const isSwitched = ({ after }) => Object.keys(after ?? {}).join() === "disabled";

function movedLead(after) {
  const { kind, amount } = after ?? {};
  if (amount === undefined) return ACTIONS["ledger.record"];
  if (MOVED[kind]) return `${MOVED[kind]} ${money(amount)} to`;
  return `Adjusted by ${signedMoney(amount)} the balance of`;
}

const rest = (target) => target.slice(target.indexOf("/") + 1);

function objectOf({ action, target, target_name: name }) {
  if (name) return name;
  if (action === "registry.hold" && target === "*") return "everything";
  if (action === "session.revoke" && target === "session") return "an admin without a name";
  if (action.startsWith("registry.hold") || action === "registry.resolve") return target;
  return rest(target);
}

function hrefOf({ action, target }) {
  if (action.startsWith("registry.")) return "/ui/registry";
  if (action === "ledger.record" || action === "ledger.reverse") return `${targetHref(target)}?tab=statement`;
  return targetHref(target);
}

/**
 * What else is to be said, where a list of fields would say it worse; null where the fields are to be listed. `zone` is
 * the one that times are told in.
 */
export function noteOf(entry, zone = "UTC") {
  const { action, at, after } = entry;
  const time = (text) => `${moment(text, zone)} ${zone}`;
  const [, verb] = action.split(".");
  if (verb === "test") return testNote(after);
  if (verb === "delete" || verb === "detach" || action === "dead_letter.dismiss") return after?.reason ?? "";
  switch (action) {
    case "user.update":
      return isSwitched(entry) ? "" : null;
    case "ledger.record":
    case "ledger.reverse":
      return moneyNote(after);
    case "key.rotate":
      return Date.parse(after?.old_key_ends_at) <= Date.parse(at) + 1000
        ? "The old one was revoked."
        : `The old one works until ${time(after?.old_key_ends_at)}.`;
    case "token.create":
      return `For ${after?.scope}, until ${time(after?.expires_at)}.`;
    case "token.revoke":
    case "session.revoke":
      return "";
    case "registry.hold":
      return `Until ${time(after?.until)}: ${after?.reason ?? ""}`;
    case "registry.resolve":
      return after?.choice ? `What stays: ${after.choice}.` : "";
    case "dead_letter.retry":
      return after?.settled ? "" : "It was settled already; no money moved.";
    case "secrets.reseal":
      return Array.isArray(after) ? `${plural(after.length, "key")}: ${after.join(", ")}` : "";
    case "secret.create":
    case "secret.rotate":
      return after?.host ? `For ${after.host}.` : "";
    default:
      return ALONE.has(action) ? "" : null;
  }
}

function moneyNote(after) {
  if (!after?.balance_after) return after?.reason ?? "";
  const isNegative = compareDecimals(after.balance_after, "0") < 0;
  const left = `Balance ${isNegative ? "now below zero, " : ""}${money(after.balance_after)}`;
  return after.reason ? `${after.reason} · ${left}` : left;
}

function testNote(after) {
  const found = after?.data ?? [];
  return found
    .map(({ upstream, ok, status, message }) => `${upstream}: ${message || (ok ? "answers" : `failed with ${status}`)}`)
    .join(" · ");
}
