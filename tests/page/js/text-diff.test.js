import assert from "node:assert/strict";
import { test } from "node:test";

import { characters, cutTo, textDiff } from "../../../static/text-diff.js";

const told = (before, after) =>
  textDiff(before, after).map(({ kind, text }) => `${{ same: " ", out: "-", in: "+" }[kind]}${text}`);

test("lines that stay, go and come", () => {
  assert.deepEqual(told("a\nb\nc", "a\nB\nc\nd"), [" a", "-b", "+B", " c", "+d"]);
  assert.deepEqual(told("a\nb\nc\nd", "b\nd"), ["-a", " b", "-c", " d"]);
});

test("from nothing and to nothing", () => {
  assert.deepEqual(told("", "a\nb"), ["+a", "+b"]);
  assert.deepEqual(told("a", ""), ["-a"]);
  assert.deepEqual(told("a\n\nb", "a\n\nb"), [" a", " ", " b"]);
});

test("either side can be put together again", () => {
  const before = Array.from({ length: 40 }, (_, at) => `line ${at % 7}`).join("\n");
  const after = Array.from({ length: 40 }, (_, at) => `line ${(at * 3) % 7}`).join("\n");
  const diff = textDiff(before, after);
  const side = (kind) =>
    diff
      .filter((one) => one.kind !== kind)
      .map(({ text }) => text)
      .join("\n");
  assert.equal(side("in"), before);
  assert.equal(side("out"), after);
});

test("very many lines are still told in time", () => {
  const many = (letter) => Array.from({ length: 5000 }, (_, at) => letter + at).join("\n");
  assert.equal(textDiff(many("a"), many("b")).length, 10_000);
});

test("characters are counted and cut as the server does: whole ones", () => {
  assert.equal(characters("🦆ab"), 3);
  assert.equal(cutTo("🦆ab", 2), "🦆a");
  assert.equal(cutTo("ab", 2), "ab");
});
