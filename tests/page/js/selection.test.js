import assert from "node:assert/strict";
import { test } from "node:test";

import { listed } from "../../../static/format.js";
import { Selection } from "../../../static/selection.js";

const SHOWN = [5, 4, 3, 2, 1];
const chosen = (selection) => SHOWN.filter((id) => selection.has(id));

test("a range goes from the last one in the order of the list, either way, and is taken out the same way", () => {
  const selection = new Selection();
  selection.toggle(4, SHOWN);
  selection.toggle(2, SHOWN, { isRange: true });
  assert.deepEqual(chosen(selection), [4, 3, 2]);
  selection.toggle(5, SHOWN, { isRange: true });
  assert.deepEqual(chosen(selection), [5, 4, 3, 2]);
  selection.toggle(3, SHOWN, { isRange: true });
  assert.deepEqual(chosen(selection), [2]);
});

test("a range without a beginning that is shown is one row", () => {
  const selection = new Selection();
  selection.toggle(3, SHOWN, { isRange: true });
  assert.deepEqual(chosen(selection), [3]);
  selection.toggle(1, [1, 2], { isRange: true });
  assert.deepEqual(chosen(selection), [3, 1]);
});

test("nobody stays selected who is not shown any more", () => {
  const selection = new Selection();
  selection.put(SHOWN, true);
  selection.keepOnly([2, 9]);
  assert.deepEqual([selection.size, chosen(selection)], [1, [2]]);
  selection.clear();
  assert.equal(selection.size, 0);
});

test("a few are named, of many the first", () => {
  assert.equal(listed(["Ada"]), "Ada");
  assert.equal(listed(["Ada", "Bob"]), "Ada and Bob");
  assert.equal(listed(["a", "b", "c", "d", "e"]), "a, b, c, d and e");
  assert.equal(listed(["a", "b", "c", "d", "e", "f"]), "a, b, c, d and 2 more");
});
