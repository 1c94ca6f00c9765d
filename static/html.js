// Templates: the only file that knows lit-html, and so the only place where text becomes markup.
//
// Every value in a template is escaped. `nothing` renders nothing; `when(test, then)` renders `then()` or nothing.

export { html, svg, render, nothing } from "./vendor/lit-html-3.3.3/lit-html.js";
export { repeat } from "./vendor/lit-html-3.3.3/directives/repeat.js";
export { live } from "./vendor/lit-html-3.3.3/directives/live.js";
export { classMap } from "./vendor/lit-html-3.3.3/directives/class-map.js";
export { ifDefined } from "./vendor/lit-html-3.3.3/directives/if-defined.js";
export { keyed } from "./vendor/lit-html-3.3.3/directives/keyed.js";

import { nothing } from "./vendor/lit-html-3.3.3/lit-html.js";

/** `then(test)` when `test` is truthy, else `otherwise()`. */
export function when(test, then, otherwise) {
  if (test) return then(test);
  return otherwise ? otherwise() : nothing;
}
