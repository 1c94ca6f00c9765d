// What an entry of the audit log is about, and where to look at it. Pure.

const PLACES = {
  __proto__: null,
  user: (id) => `/ui/users/${encodeURIComponent(id)}`,
  key: (id) => `/ui/keys?open=${encodeURIComponent(id)}`,
  model: (key) => `/ui/models?open=${encodeURIComponent(key)}`,
  provider: (key) => `/ui/providers?open=${encodeURIComponent(key)}`,
  ledger: () => "/ui/ledger",
  token: () => "/ui/access",
  session: () => "/ui/access",
  settings: () => "/ui/settings",
  registry: () => "/ui/registry",
  // The key of a model's own upstream has no page of its own.
  secret: (name) => (name.startsWith("provider.") ? PLACES.provider(name.slice("provider.".length)) : null),
  dead_letter: () => "/ui/system#dead-letters",
};

/** The address of `user/7`, or null where there is no page of it. */
export function targetHref(target) {
  const slash = target.indexOf("/");
  const [kind, id] = slash < 0 ? [target, ""] : [target.slice(0, slash), target.slice(slash + 1)];
  const place = PLACES[kind.replace("-", "_")] ?? PLACES[kind.replace(/s$/, "")];
  return place && (id || place.length === 0) ? place(id) : null;
}

/** `good`, `bad`, `warn` or `quiet`: what kind of thing an action is. Its name ends in a verb. */
export function actionTone(action) {
  if (/(delete|revoke|failed|refuse|dismiss|disable)/.test(action)) return "bad";
  if (/(create|credit|grant|enable)/.test(action)) return "good";
  return /(rollback|reverse|rotate|adjust)/.test(action) ? "warn" : "quiet";
}
