// A write of money that counts once, however often it is sent: one Idempotency-Key until the answer is known.

/** Answers that say nothing about whether an earlier send of the same was taken. */
const SAYS_NOTHING = new Set([401, 403, 408, 429]);
const open = new Map();

export class OnceWrite {
  #post;
  key = crypto.randomUUID();
  /** What was sent while no answer is known: it may be sent again, and nothing else may. */
  sent = null;

  /** `post(path, body, {headers})` answers or throws ApiError; its `status` is 0 when no answer came. */
  constructor(path, post) {
    this.path = path;
    this.#post = post;
  }

  get isUnknown() {
    return this.sent !== null;
  }

  async send(body) {
    const said = this.sent ?? body;
    try {
      const answer = await this.#post(this.path, said, { headers: { "idempotency-key": this.key } });
      this.#settle();
      return answer;
    } catch (error) {
      if (!error.status || error.status >= 500) this.#keep(said);
      else if (!SAYS_NOTHING.has(error.status)) this.#settle();
      throw error;
    }
  }

  #keep(said) {
    this.sent = said;
    open.set(this.path, this);
  }

  #settle() {
    this.sent = null;
    open.delete(this.path);
  }
}

/** The write to `path` whose answer is not known yet, or a new one. A dialog opened anew goes on where it was. */
export function onceTo(path, post) {
  return open.get(path) ?? new OnceWrite(path, post);
}
