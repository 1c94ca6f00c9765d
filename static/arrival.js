// Where a visitor goes who comes in: where they wanted to, as far as that is an address of this page. Pure.

const HOMES = { admin: "/ui", user: "/ui/me" };

/** Only addresses of this page: anything else could lead a visitor away. */
export function safeNext(next) {
  return next && /^\/ui(\/|\?|$)/.test(next) ? next : null;
}

/** Who an address is for: "user" or "admin". */
export const whoseAddress = (address) => (/^\/ui\/(me|playground)(\/|\?|$)/.test(address) ? "user" : "admin");

/** Where the sign-in page of `query` leads whoever has signed in there. */
export function arrivalOf(query) {
  return safeNext(query.get("next")) ?? HOMES[query.get("as") === "user" ? "user" : "admin"];
}
