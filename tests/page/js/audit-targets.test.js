import assert from "node:assert/strict";
import { test } from "node:test";

import { actionTone, targetHref } from "../../../static/audit-targets.js";

test("what has a page leads there", () => {
  assert.equal(targetHref("user/7"), "/ui/users/7");
  assert.equal(targetHref("key/3"), "/ui/keys?open=3");
  assert.equal(targetHref("model/a b&c"), "/ui/models?open=a%20b%26c");
  assert.equal(targetHref("settings"), "/ui/settings");
  assert.equal(targetHref("registry"), "/ui/registry");
  assert.equal(targetHref("registry/12"), "/ui/registry");
});

test("what has none leads nowhere", () => {
  for (const target of ["*", "gift/ci", "secret/x", "", "user/", "constructor", "toString/1"])
    assert.equal(targetHref(target), null, target);
});

test("what takes away looks otherwise than what gives", () => {
  assert.deepEqual(["key.revoke", "user.create", "registry.rollback", "settings.update"].map(actionTone), [
    "bad",
    "good",
    "warn",
    "quiet",
  ]);
});
