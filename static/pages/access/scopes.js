// What a token is good for, in words, and the first thing to do with it. Pure.

const WORDS = {
  __proto__: null,
  "registry:plan": "plan changes of the files",
  "registry:apply": "plan and apply the files",
  admin: "do all that an admin does",
};

export const SCOPES = Object.entries(WORDS).map(([scope, words]) => [scope, words[0].toUpperCase() + words.slice(1)]);

export const DAYS = [
  ["7", "After 7 days"],
  ["30", "After 30 days"],
  ["90", "After 90 days"],
  ["366", "After a year"],
];

/** What it may do: "plan changes of the files". */
export const scopeText = (scope) => WORDS[scope] ?? scope;

/** A command for the shell that shows whether the token works. */
export function firstUse({ scope, token, origin }) {
  if (scope === "admin") return `curl -H "authorization: Bearer ${token}" ${origin}/api/admin/session`;
  return `export REGISTRY_SERVER=${origin}\nexport REGISTRY_TOKEN=${token}\nregistry plan models.yaml`;
}
