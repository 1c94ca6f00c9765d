// The fields that entries of the audit log tell of, in words: of users, keys and money here, of models and providers as
// their own pages call them. Pure.

import { labelOf, valueText as documentText } from "../../documents/words.js";
import { isDecimal } from "../../decimal.js";
import { valueText } from "../../field-diff.js";
import { count, moment, money } from "../../format.js";

const LABELS = {
  __proto__: null,
  name: "Name",
  email: "E-mail",
  note: "Note",
  disabled: "Disabled",
  allowed_models: "Models",
  max_concurrency: "Requests at a time",
  rpm: "Requests a minute",
  tpm: "Tokens a minute",
  spend_limit: "Spend limit",
  spend_period: "Spend period",
  expires_at: "Expires",
  user_id: "User",
  entry: "Entry",
  kind: "Kind",
  amount: "Amount",
  balance_after: "Balance after",
  reason: "Reason",
  reverses: "Reverses entry",
  new_key: "New key",
  old_key_ends_at: "The old one ends",
  scope: "Scope",
  host: "For",
  system_prompt: "System prompt",
  system_prompt_enabled: "System prompt on",
  system_prompt_mode: "System prompt mode",
  output_tokens_held: "Output tokens held",
};
const NONE = {
  __proto__: null,
  allowed_models: "all models",
  max_concurrency: "no limit",
  rpm: "no limit",
  tpm: "no limit",
  spend_limit: "no limit",
  spend_period: "in all",
  expires_at: "never",
};
const MONEY = new Set(["spend_limit", "amount", "balance_after"]);
const TIMES = new Set(["expires_at", "old_key_ends_at", "until"]);

/** What a field of an entry is called: a path of a document, or the name of a column. */
export function fieldLabel(path) {
  return LABELS[path] ?? labelOf(path);
}

/** A value of it in words; `zone` is the one that times are told in. */
export function fieldText(path, value, zone = "UTC") {
  if (value === null || value === undefined) return NONE[path] ?? valueText(value);
  if (MONEY.has(path) && isDecimal(value)) return money(value);
  if (TIMES.has(path)) return `${moment(value, zone)} ${zone}`;
  if (typeof value === "number" && path !== "user_id" && path !== "entry") return count(value);
  if (path.startsWith("pricing.") || Array.isArray(value)) return documentText(path, value);
  return valueText(value);
}
