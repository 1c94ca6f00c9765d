// The conversation of this tab: what was said, what is coming, and what each answer cost. It outlives the page, for
// going to a receipt and back, but not the key that it was paid with.

import { MIDWAY, adviceFor } from "../../advice.js";
import { get } from "../../api.js";
import { announce } from "../../announce.js";
import { chatRequest, readChatEvent, stopText, wantsNewerLimit } from "../../chat.js";
import { fineMoney } from "../../format.js";
import { ProxyRefusal, callProxy, requestIdOf } from "../../proxy.js";
import { session } from "../../session.js";
import { readEvents } from "../../sse.js";
import { fetchBill } from "./bill.js";

let kept = null;

/** The conversation of the key in use. `draw` is called whenever something changed, until the page is left. */
export function conversationOf(signal, draw) {
  if (kept?.key !== session.userKey) {
    kept?.talk.stop();
    kept = { key: session.userKey, talk: new Conversation() };
  }
  kept.talk.draw = draw;
  signal.addEventListener("abort", () => {
    if (kept.talk.draw === draw) kept.talk.draw = () => {};
  });
  return kept.talk;
}

/**
 * A turn is `{role: "user", text}` or `{role: "assistant", text, model, state, note, error, requestId, bill}`; `state`:
 * waiting, thinking, streaming, done, stopped, failed. `bill`: null, "waiting", "none", "late", or the receipt with
 * `balance`.
 */
class Conversation {
  turns = [];
  draft = "";
  system = "";
  maxTokens = "";
  draw = () => {};
  #current = null;
  #newerLimit = new Set();
  #drawing = false;

  get isRunning() {
    return this.#current !== null;
  }

  clear() {
    this.stop();
    this.turns = [];
    this.draw();
  }

  stop() {
    this.#current?.abort();
  }

  async send({ model, endpoint }) {
    const current = (this.#current = new AbortController());
    // A question that got no answer is not sent again with the next one: formats want turns that alternate.
    const told = answeredTurns(this.turns);
    const question = { role: "user", text: this.draft.trim() };
    this.turns = [
      ...this.turns,
      question,
      { role: "assistant", text: "", model, state: "waiting", note: null, error: null, requestId: null, bill: null },
    ];
    // The turn as the list has it from now on; a new conversation begun meanwhile has another list.
    const turn = this.turns.at(-1);
    this.draft = "";
    this.draw();
    try {
      await this.#answer(turn, { model, endpoint, turns: [...told, question], signal: current.signal });
    } finally {
      this.#current = null;
      this.draw();
    }
    announce(turn.error ? turn.error.advice : turn.state === "stopped" ? "Stopped." : "Answer complete.");
    await this.#settle(turn);
  }

  async #answer(turn, { model, endpoint, turns, signal }) {
    try {
      const answer = await this.#call({ model, endpoint, turns, signal });
      turn.requestId = requestIdOf(answer);
      turn.state = "streaming";
      await this.#read(answer.body, endpoint, turn);
    } catch (error) {
      if (signal.aborted) turn.state = "stopped";
      else
        fail(
          turn,
          error instanceof ProxyRefusal
            ? error
            : new ProxyRefusal(MIDWAY, { message: "The connection broke while it came." }),
        );
    }
  }

  async #call({ model, endpoint, turns, signal }) {
    const ask = () => {
      const { body, headers } = chatRequest(endpoint, {
        model,
        turns,
        system: this.system.trim(),
        maxTokens: Math.max(0, Number.parseInt(this.maxTokens, 10)) || null,
        limitName: this.#newerLimit.has(model) ? "max_completion_tokens" : "max_tokens",
      });
      return callProxy(endpoint, { body, headers, signal });
    };
    try {
      return await ask();
    } catch (error) {
      if (
        !(error instanceof ProxyRefusal) ||
        this.#newerLimit.has(model) ||
        !wantsNewerLimit(error.status, error.message)
      )
        throw error;
      this.#newerLimit.add(model);
      return ask();
    }
  }

  async #read(body, endpoint, turn) {
    let isDone = false;
    for await (const event of readEvents(body)) {
      const said = readChatEvent(endpoint, event);
      if (said.error) throw new ProxyRefusal(MIDWAY, said.error, { requestId: turn.requestId });
      if (said.text) turn.text += said.text;
      if (turn.text) turn.state = "streaming";
      else if (said.isThought) turn.state = "thinking";
      if (said.stop) turn.note = stopText(said.stop);
      isDone ||= said.isDone === true;
      this.#drawSoon();
    }
    if (!isDone)
      throw new ProxyRefusal(MIDWAY, { message: "Its last part never came." }, { requestId: turn.requestId });
    turn.state = "done";
  }

  /** Many events of one moment are one drawing. */
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.draw();
    });
  }

  /** What it cost, once it is settled. */
  async #settle(turn) {
    if (!turn.requestId) return;
    turn.bill = "waiting";
    this.draw();
    turn.bill = await fetchBill(get, turn.requestId, { isStopped: turn.state === "stopped" });
    if (turn.bill.cost) announce(`It cost ${fineMoney(turn.bill.cost)}.`);
    this.draw();
  }
}

/** Only questions with their answers. */
function answeredTurns(turns) {
  return turns
    .filter((turn, at) => (turn.role === "user" ? isAnswered(turns[at + 1]) : isAnswered(turn)))
    .map(({ role, text }) => ({ role, text }));
}

const isAnswered = (turn) => Boolean(turn?.text) && turn.state !== "failed";

function fail(turn, refusal) {
  turn.state = "failed";
  turn.requestId = refusal.requestId ?? turn.requestId;
  turn.error = { advice: adviceFor(refusal), message: refusal.message };
}
