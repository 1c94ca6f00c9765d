// Requests to models through the proxy's own doors, with the user's key: these are billed like any other.

import { endpointPath } from "./endpoints.js";
import { failureIn } from "./chat.js";
import { session } from "./session.js";

/** An answer that is none. `status` 0: the connection broke. */
export class ProxyRefusal extends Error {
  constructor(status, { message, code = null }, { requestId = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, code, requestId, retryAfter });
  }
}

/** The answer to a request, its body not yet read. Throws ProxyRefusal unless it is a 2xx; AbortError when stopped. */
export async function callProxy(endpoint, { body, headers = {}, signal }) {
  const path = endpointPath(endpoint);
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      signal,
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers, ...session.headersFor(path, "POST") },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ProxyRefusal(0, { message: "The proxy cannot be reached." });
  }
  if (answer.ok) return answer;
  let said = null;
  try {
    said = await answer.json();
  } catch {
    // A proxy in between may answer with something else.
  }
  if (answer.status === 401) session.refuseKey(failureIn(said).message);
  throw new ProxyRefusal(answer.status, failureIn(said), {
    requestId: requestIdOf(answer),
    retryAfter: answer.headers.get("retry-after"),
  });
}

export const requestIdOf = (answer) => answer.headers.get("x-request-id");
