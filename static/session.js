// Who is signed in: an admin (HttpOnly cookie, CSRF token here) and a user (API key, in this tab's memory alone).

const ADMIN = "/api/admin/";
const SIGN_IN = "/api/admin/login";
/** The cookie itself is out of the page's reach; without this mark it is not asked for. */
const SIGNED_IN = "signed-in";
const SAFE = new Set(["GET", "HEAD"]);

class Session extends EventTarget {
  admin = null;
  userKey = null;
  #renewals = new Map();
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
    return this.restore();
  }

  /** Sign in as a user. Returns null, or the sentence that says why not. */
  async useKey(key) {
    const answer = await reach("/api/user/balance", { headers: { authorization: `Bearer ${key}` } });
    if (!answer?.ok) return sentenceOf(answer);
    this.userKey = key;
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
    this.admin = null;
    this.userKey = null;
    this.#tell();
    return null;
  }

  /** Forget the user's key; an admin stays signed in. */
  dropKey() {
    this.userKey = null;
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
    return path.startsWith(ADMIN) && path !== SIGN_IN && this.admin !== null && this.#ask !== null;
  }

  /** The shell says how to ask for the password again: a function that resolves once signed in, or rejects. */
  set ask(ask) {
    this.#ask = ask;
  }

  /** Sign in anew; many calls that failed together ask once. */
  renew() {
    if (!this.#renewals.has(ADMIN)) {
      this.#renewals.set(
        ADMIN,
        this.#ask().finally(() => this.#renewals.delete(ADMIN)),
      );
    }
    return this.#renewals.get(ADMIN);
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The answer, or null where none comes. */
async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch {
    return null;
  }
}

async function sentenceOf(answer) {
  if (!answer) return "The server cannot be reached.";
  try {
    return (await answer.json()).error.message;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

export const session = new Session();
