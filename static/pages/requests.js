// Everyone's requests, as a log and as they happen.

import { requestLog } from "./requests/log.js";

export default function requests(context) {
  return requestLog(context, {
    api: "/api/admin",
    page: "/ui/requests",
    isAdmin: true,
    title: "Requests",
    lead: "Every request, what it cost and why. Open one for its receipt.",
    connect: "",
  });
}
