import assert from "node:assert/strict";
import { test } from "node:test";

import { EventParser, readEvents } from "../../../static/sse.js";

const STREAM =
  'event: ping\ndata: {"a":1}\n\n: heartbeat\n\ndata: one\ndata: two\nid: 7\n\ndata:three\n\ndata: [DONE]\n\n';
const EVENTS = [
  { event: "ping", data: '{"a":1}', id: "" },
  { event: "message", data: "one\ntwo", id: "7" },
  { event: "message", data: "three", id: "7" },
  { event: "message", data: "[DONE]", id: "7" },
];

function parse(pieces) {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("a whole stream gives its events, and comments are none", () => {
  assert.deepEqual(parse([STREAM]), EVENTS);
});

for (const [name, end] of [
  ["LF", "\n"],
  ["CR LF", "\r\n"],
  ["CR", "\r"],
]) {
  test(`${name} ends lines, wherever the text is cut`, () => {
    const text = STREAM.replaceAll("\n", end);
    for (let cut = 0; cut <= text.length; cut++) {
      assert.deepEqual(parse([text.slice(0, cut), text.slice(cut)]), EVENTS, `cut at ${cut}`);
    }
    assert.deepEqual(parse([...text]), EVENTS);
    assert.deepEqual(parse([...text].flatMap((each) => ["", each, ""])), EVENTS);
  });
}

test("an event without its empty line is not one", () => {
  assert.deepEqual(parse(["data: half"]), []);
  assert.deepEqual(parse(["data: half\n"]), []);
  assert.deepEqual(parse(["event: nothing\n\n"]), []);
});

test("a byte order mark is not part of the first name", () => {
  assert.equal(parse(["\uFEFFdata: x\n\n"])[0].data, "x");
});

test("only one space after the colon is dropped", () => {
  assert.equal(parse(["data:  x \n\n"])[0].data, " x ");
});

test("characters that are cut between two pieces come out whole", async () => {
  const bytes = new TextEncoder().encode("data: grüße 🦆\n\n");
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEvents(body)) events.push(event.data);
  assert.deepEqual(events, ["grüße 🦆"]);
});
