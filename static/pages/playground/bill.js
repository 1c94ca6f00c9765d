// The receipt of an answer: asked for until it is there. A stopped answer is settled once the provider is done with it.

import { ApiError } from "../../api.js";

const WAITS_MS = [0, 150, 300, 600, 1000, 2000, 3000];
const STOPPED_WAITS_MS = [...WAITS_MS, 5000, 5000, 10_000, 10_000, 20_000];

/** The receipt with `balance` after it; "none" where the request was never written down; "late" where it is not settled yet. */
export async function fetchBill(get, requestId, { isStopped = false, wait = sleep } = {}) {
  for (const ms of isStopped ? STOPPED_WAITS_MS : WAITS_MS) {
    await wait(ms);
    try {
      const receipt = await get(`/api/user/usage/${requestId}`);
      const { balance } = await get("/api/user/balance");
      return { ...receipt, balance };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) return "late";
    }
  }
  return isStopped ? "late" : "none";
}

const sleep = (ms) =>
  new Promise((done) => {
    setTimeout(done, ms);
  });
