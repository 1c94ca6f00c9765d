// The server, over /api: JSON in and out, errors as ApiError, the session's credentials on every call.
//
// An admin is known by a cookie, and writes carry its CSRF token; a user is known by an API key held in memory.

import { saveBlob } from "./saving.js";
import { session } from "./session.js";

/** An answer that is an error, or no answer at all (`status` 0). `faults` is a Map of field to sentence. */
export class ApiError extends Error {
  constructor(status, error = {}, body = {}) {
    super(error.message ?? (status ? `The server answered ${status}.` : "The server cannot be reached."));
    this.status = status;
    this.code = error.code ?? null;
    this.requestId = error.request_id ?? body.request_id ?? null;
    this.faults = new Map((error.errors ?? []).map(({ param, message }) => [param, message]));
    if (!this.faults.size && error.param) this.faults.set(error.param, this.message);
    this.details = error;
  }
}

/** What an answer carries beside its body: the ETag, and the request's id. */
async function call(method, path, { body, headers = {}, signal, as = "json" } = {}) {
  const answer = await send(method, path, { body, headers, signal });
  if (!answer.ok) {
    const error = await readError(answer);
    // What the server says is for programs.
    if (path.startsWith("/api/admin") && error.status === 401 && session.isEnded) {
      error.message = "Your session has ended.";
    }
    if (path.startsWith("/api/user") && isKeyRefused(error)) session.refuseKey(error.message);
    throw error;
  }
  const data = answer.status === 204 ? null : await readBody(answer, as);
  return { data, etag: answer.headers.get("etag"), requestId: answer.headers.get("x-request-id") };
}

async function send(method, path, { body, headers, signal }) {
  const init = { method, signal, headers: { ...headers, ...session.headersFor(path, method) } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["content-type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  if (answer.status === 401 && session.expects(path)) {
    // The session ended while the page was open: sign in again over it, and nothing typed is lost.
    await session.renew(path);
    return send(method, path, { body, headers, signal });
  }
  return answer;
}

/** A line that breaks in the middle of an answer is no answer either. */
async function readBody(answer, as) {
  try {
    return await answer[as]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { message: "The answer of the server broke off." });
  }
}

const isKeyRefused = ({ status, code }) => status === 401 || code === "user_disabled";

async function readError(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    // A proxy in between may answer with something else.
  }
  const error = body.error ?? {};
  return new ApiError(answer.status, { request_id: answer.headers.get("x-request-id"), ...error }, body);
}

export const get = async (path, options) => (await call("GET", path, options)).data;
export const post = async (path, body, options) => (await call("POST", path, { body, ...options })).data;
export const patch = async (path, body, options) => (await call("PATCH", path, { body, ...options })).data;
export const put = async (path, body, options) => (await call("PUT", path, { body, ...options })).data;
export const del = async (path, options) => (await call("DELETE", path, options)).data;
/** Like `get`, with the ETag: `{data, etag, requestId}`. */
export const getWithEtag = (path, options) => call("GET", path, options);
/** A write that names what it saw: `etag` goes along as If-Match. */
export const ifMatch = (etag) => ({ "if-match": etag.startsWith('"') ? etag : `"${etag}"` });

/** `path?name=value&…` without empty values; arrays are repeated. */
export function withQuery(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(name, one);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** Save an answer of the server as a file, with the session's credentials. Long ones are kept by the browser's disk. */
export async function download(path, name) {
  saveBlob((await call("GET", path, { as: "blob" })).data, name);
}
