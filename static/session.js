// Who is signed in: an admin (HttpOnly cookie, CSRF token here) and a user (API key, in this tab's memory alone).

import { isKeyText, keyIn } from "./key-text.js";

const ADMIN = "/api/admin/";
const SIGN_IN = "/api/admin/login";
/** The cookie itself is out of the page's reach; without this mark it is not asked for. */
const SIGNED_IN = "signed-in";
/** That this tab had a key, not which: whoever reloads is told why it is asked for again. */
const HAD_KEY = "had-key";
const SAFE = new Set(["GET", "HEAD"]);

class Session extends EventTarget {
  admin = null;
  userKey = null;
  /** Why the server does not take the user's key any more, as a sentence; null while it does. */
  refusal = null;
  /** Whether the admin's session ended and was not renewed: what is on the page stays, and nobody is asked again. */
  isEnded = false;
  #renewal = null;
  #ask = null;

  /**
   * Ask the server whether this browser's cookie is good, if an admin signed in here and never out. Returns null, or
   * the sentence that says why that is not known: no reason to forget who is signed in.
   */
  async restore() {
    if (!localStorage.getItem(SIGNED_IN)) return null;
    const answer = await reach(`${ADMIN}session`);
    if (!answer?.ok && answer?.status !== 401) return sentenceOf(answer);
    this.admin = answer.ok ? await answer.json() : null;
    if (!answer.ok) localStorage.removeItem(SIGNED_IN);
    this.#tell();
    return null;
  }

  /** Sign in as an admin. Returns null, or the sentence that says why not. */
  async signIn(password, name) {
    const body = JSON.stringify(name ? { password, name } : { password });
    const answer = await reach(SIGN_IN, { method: "POST", body, headers: { "content-type": "application/json" } });
    if (!answer?.ok) return sentenceOf(answer);
    localStorage.setItem(SIGNED_IN, "yes");
    this.isEnded = false;
    return this.restore();
  }

  /** Sign in as a user. Returns null, or the sentence that says why not. */
  async useKey(text) {
    const key = keyIn(text);
    if (!isKeyText(key)) return "No API key has such letters in it. Copy it again, whole.";
    const answer = await reach("/api/user/balance", { headers: { authorization: `Bearer ${key}` } });
    if (!answer?.ok) return sentenceOf(answer);
    this.userKey = key;
    this.refusal = null;
    sessionStorage.setItem(HAD_KEY, "yes");
    this.#tell();
    return null;
  }

  /** Returns null, or the sentence that says why one is still signed in: only the server can end an admin's cookie. */
  async signOut() {
    if (this.admin) {
      const answer = await reach(`${ADMIN}logout`, { method: "POST", headers: this.headersFor(ADMIN, "POST") });
      if (!answer?.ok && answer?.status !== 401) return sentenceOf(answer);
    }
    localStorage.removeItem(SIGNED_IN);
    sessionStorage.removeItem(HAD_KEY);
    this.admin = null;
    this.userKey = null;
    this.refusal = null;
    this.#tell();
    return null;
  }

  /** Whether somebody has shown a key that holds. */
  get isUser() {
    return this.userKey !== null && this.refusal === null;
  }

  /** Whether a reload made this tab forget a key. */
  get hasForgotten() {
    return this.userKey === null && sessionStorage.getItem(HAD_KEY) !== null;
  }

  /** The server said that the user's key is not good any more. The pages stay as they are. */
  refuseKey(sentence) {
    if (this.userKey === null || this.refusal !== null) return;
    this.refusal = sentence;
    this.#tell();
  }

  headersFor(path, method) {
    if (path.startsWith(ADMIN)) {
      return SAFE.has(method) || !this.admin ? {} : { "x-csrf-token": this.admin.csrf_token };
    }
    return this.userKey ? { authorization: `Bearer ${this.userKey}` } : {};
  }

  /** Whether a 401 on `path` means that a session has ended. */
  expects(path) {
    return path.startsWith(ADMIN) && path !== SIGN_IN && this.admin !== null && this.#ask !== null && !this.isEnded;
  }

  /** The shell says how to ask for the password again: a function that resolves once signed in, or rejects. */
  set ask(ask) {
    this.#ask = ask;
  }

  /** Sign in anew; many calls that failed together ask once. Rejects if it is given up. */
  renew() {
    this.#renewal ??= this.#ask()
      .catch((error) => {
        this.isEnded = true;
        this.#tell();
        throw error;
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The answer; null where the server cannot be reached. */
async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch {
    return null;
  }
}

const WAYS_OUT = {
  invalid_api_key: "Copy it again, whole, or ask whoever gave it to you.",
  key_expired: "Ask whoever gave it to you for another one.",
  key_revoked: "Ask whoever gave it to you for another one.",
  user_disabled: "Ask whoever gave you the key.",
};

async function sentenceOf(answer) {
  if (!answer) return "The server cannot be reached. Check the connection and try again.";
  try {
    const { message, code } = (await answer.json()).error;
    return WAYS_OUT[code] ? `${message} ${WAYS_OUT[code]}` : message;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

export const session = new Session();
