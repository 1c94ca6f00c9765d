// Who changed a document, of all who did.

import assert from "node:assert/strict";
import test from "node:test";

import { lastChange, whoChanged } from "../../../static/documents/authors.js";

const ENTITY = {
  fields: {
    provider: { by: "admin:lee", at: "2026-01-03T00:00:00Z" },
    "pricing.input": { by: "admin:dana", at: "2026-01-02T00:00:00Z" },
    description: { by: "watch:host", at: "2026-01-01T00:00:00Z" },
    enabled: { by: null, at: null },
  },
};

test("the last of all who touched a field of it", () => {
  assert.deepEqual(lastChange(ENTITY), { name: "lee", at: "2026-01-03T00:00:00Z" });
  assert.equal(lastChange({ fields: { enabled: { by: null, at: null } } }), null);
  assert.equal(lastChange(null), null);
});

test("of a change, the last who touched what differs, whichever way its path is written", () => {
  const original = { "pricing.input": "1", description: "a", "upstreams.default.provider": "one" };
  const by = (theirs) => whoChanged("model", { original, theirs: { ...original, ...theirs } }, ENTITY)?.name ?? null;
  assert.equal(by({ "pricing.input": "2" }), "dana");
  assert.equal(by({ description: "b" }), "a sync of the file");
  assert.equal(by({ "pricing.input": "2", "upstreams.default.provider": "two" }), "lee");
  assert.equal(by({}), null);
});
