import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../../static/api.js";
import { fetchBill } from "../../../static/pages/playground/bill.js";

const ID = "req_01a20a69abd776e1ab0a084c59f6a389";
const wait = async () => {};

/** A server on which the request is in the books from the so many-th time that it is asked for. */
function server(settledAt) {
  const asked = [];
  const get = async (path) => {
    asked.push(path);
    if (path.startsWith("/api/user/usage?"))
      return { data: asked.length >= settledAt ? [{ request_id: "req_other" }, { request_id: ID }] : [] };
    return path === "/api/user/balance" ? { balance: "4" } : { cost: "1", lines: [] };
  };
  return { get, asked };
}

test("a receipt is asked for once, when the list of its moment has the request", async () => {
  const { get, asked } = server(3);
  assert.deepEqual(await fetchBill(get, ID, { wait }), { cost: "1", lines: [], balance: "4" });
  assert.equal(asked.filter((path) => path === `/api/user/usage/${ID}`).length, 1);
  const { searchParams } = new URL(asked[0], "http://x");
  const arrived = Date.parse(searchParams.get("from"));
  assert.equal(arrived, 0x01a20a69abd7);
  assert.equal(Date.parse(searchParams.get("to")), arrived + 1);
});

test("what never comes is none, or late where the provider may still be at it", async () => {
  assert.equal(await fetchBill(server(Infinity).get, ID, { wait }), "none");
  assert.equal(await fetchBill(server(Infinity).get, ID, { wait, isStopped: true }), "late");
});

test("a server that fails leaves the receipt for later", async () => {
  const get = async () => {
    throw new ApiError(503);
  };
  assert.equal(await fetchBill(get, ID, { wait }), "late");
});
