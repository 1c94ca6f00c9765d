// The receipt of an answer: asked for until it is there. A stopped answer is settled once the provider is done with it.

import { ApiError, withQuery } from "../../api.js";

const WAITS_MS = [0, 150, 300, 600, 1000, 2000, 3000];
const STOPPED_WAITS_MS = [...WAITS_MS, 3000, 3000, 3000, 5000, 10_000, 20_000];

/**
 * The receipt with `balance` after it; "none" where the request was never written down; "late" where it is not settled
 * yet.
 */
export async function fetchBill(get, requestId, { isStopped = false, wait = sleep } = {}) {
  for (const ms of isStopped ? STOPPED_WAITS_MS : WAITS_MS) {
    await wait(ms);
    try {
      if (!(await isSettled(get, requestId))) continue;
      const receipt = await get(`/api/user/usage/${requestId}`);
      const { balance } = await get("/api/user/balance");
      return { ...receipt, balance };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return "late";
    }
  }
  return isStopped ? "late" : "none";
}

/** Asked of the list of the moment that its id begins with: a receipt that is not there yet would be an error. */
async function isSettled(get, requestId) {
  const arrived = Number.parseInt(requestId.replace(/^req_/, "").slice(0, 12), 16);
  const [from, to] = [arrived, arrived + 1].map((ms) => new Date(ms).toISOString());
  const { data } = await get(withQuery("/api/user/usage", { from, to }));
  return data.some(({ request_id: id }) => id === requestId);
}

const sleep = (ms) =>
  new Promise((done) => {
    setTimeout(done, ms);
  });
