import assert from "node:assert/strict";
import { test } from "node:test";

import { arrivalOf, safeNext, whoseAddress } from "../../../static/arrival.js";
import { isKeyText, keyIn } from "../../../static/key-text.js";

const arrival = (search) => arrivalOf(new URLSearchParams(search));

test("whoever signs in comes to where they wanted, or home", () => {
  assert.equal(arrival("next=%2Fui%2Fusers%3Fq%3Da"), "/ui/users?q=a");
  assert.equal(arrival(""), "/ui");
  assert.equal(arrival("as=user"), "/ui/me");
  assert.equal(arrival("as=user&next=%2Fui%2Fplayground"), "/ui/playground");
});

test("no address leads out of the page", () => {
  for (const next of ["https://example.com", "//example.com", "/uikit", "/api/admin", "javascript:alert(1)", ""])
    assert.equal(safeNext(next), null);
});

test("an address is a user's or an admin's", () => {
  for (const address of ["/ui/me", "/ui/me/usage?open=x", "/ui/playground?model=m"])
    assert.equal(whoseAddress(address), "user");
  for (const address of ["/ui", "/ui/models", "/ui/messages"]) assert.equal(whoseAddress(address), "admin");
});

test("a key is found in what was pasted with it", () => {
  for (const text of [
    "sk-abc",
    " sk-abc\n",
    "sk-\nabc",
    '"sk-abc"',
    "Bearer sk-abc",
    "'Bearer sk-abc'",
    "Authorization: Bearer sk-abc",
    "\ufeffsk-\u200babc",
  ])
    assert.equal(keyIn(text), "sk-abc", JSON.stringify(text));
});

test("what no header can carry is no key", () => {
  assert.ok(isKeyText("sk-abc"));
  for (const text of ["", "sk-…", "ключ", "sk-a\u0000"]) assert.ok(!isKeyText(text));
});
