// Server-sent events out of text that comes in pieces, cut anywhere. Pure.

/** Feed it text as it comes; it gives the events that are complete. What never became one is dropped at the end. */
export class EventParser {
  #line = "";
  #skipsNewline = false;
  #isFirst = true;
  #type = "";
  #data = [];
  #id = "";

  /** `[{event, data, id}]`: `event` is "message" where none was named. */
  push(text) {
    let piece = text;
    if (this.#isFirst && piece) {
      this.#isFirst = false;
      piece = piece.replace(/^\uFEFF/, "");
    }
    // A CR at the end of the last piece and an LF at the start of this one are one line end.
    if (this.#skipsNewline && piece) {
      this.#skipsNewline = false;
      if (piece.startsWith("\n")) piece = piece.slice(1);
    }
    const events = [];
    const ends = /\r\n|\n|\r/g;
    let start = 0;
    for (let end = ends.exec(piece); end; end = ends.exec(piece)) {
      const event = this.#read(this.#line + piece.slice(start, end.index));
      if (event) events.push(event);
      this.#line = "";
      start = ends.lastIndex;
    }
    this.#skipsNewline = piece.endsWith("\r") || (this.#skipsNewline && !piece);
    this.#line += piece.slice(start);
    return events;
  }

  #read(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id") this.#id = value;
    return null;
  }

  #dispatch() {
    const event = this.#data.length
      ? { event: this.#type || "message", data: this.#data.join("\n"), id: this.#id }
      : null;
    this.#type = "";
    this.#data = [];
    return event;
  }
}

/** The events of an answer's body, as they come. */
export async function* readEvents(body) {
  const parser = new EventParser();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
