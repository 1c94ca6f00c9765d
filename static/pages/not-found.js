// An address that is no page.

import { emptyState } from "../components/resource.js";
import { pageHead } from "../components/bits.js";
import { html } from "../html.js";

export default function notFound({ draw }) {
  draw(
    html`${pageHead("Not found")}${emptyState({
      title: "There is nothing at this address",
      iconName: "search",
      text: location.pathname,
      action: html`<a class="button" href="/ui">To the start</a>`,
    })}`,
  );
}
