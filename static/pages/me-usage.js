// A user's own requests.

import { html } from "../html.js";
import { requestLog } from "./requests/log.js";

export default function usage(context) {
  return requestLog(context, {
    api: "/api/user",
    page: "/ui/me/usage",
    isAdmin: false,
    title: "Usage",
    lead: "Your requests and what each of them cost, to the last digit.",
    connect: html`<a class="button" href="/ui/me/connect">Connect a client</a>`,
  });
}
