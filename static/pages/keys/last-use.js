// When a key was last used, with which client, and the way to that request.

import { withQuery } from "../../api.js";
import { at, timeAgo } from "../../components/bits.js";
import { html, when } from "../../html.js";

const never = html`<span class="quiet">never</span>`;

/** For a row of a list. `page` lists requests, and opens one. */
export function lastUse({ name, last_used_at: time, last_request_id: id, last_client_agent: agent }, page) {
  if (!time) return never;
  return html`${when(
    id,
    () =>
      html`<a class="plain" href=${withQuery(page, { open: id })} aria-label=${`Last request with ${name}`}
        >${timeAgo(time)}</a
      >`,
    () => timeAgo(time),
  )}${when(agent, () => html`<span class="sub one-line" title=${agent}>${agent}</span>`)}`;
}

/** For a list of facts, as `facts` takes them. */
export const lastUseFacts = ({ last_used_at: time, last_request_id: id, last_client_agent: agent }, page) => [
  ["Last used", time ? html`${at(time)}${when(id, () => requestLink(id, page))}` : never],
  agent && ["Last client", agent],
];

const requestLink = (id, page) => html` <a class="aside" href=${withQuery(page, { open: id })}>that request</a>`;
