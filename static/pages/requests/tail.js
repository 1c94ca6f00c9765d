// Requests as they come, as a state that only events change: what is shown, what waits, what was left out. Pure.
//
// A row is one of the API's, with `state`: waiting, streaming or settled. Each id is there once, whatever comes how
// often; a settled row stays settled.

export const ROWS_MAX = 500;
export const SHOWN_PER_SECOND = 20;
const KNOWN_MAX = 5000;
const LOST_MS = 10_000;
const ANNOUNCE_MS = 10_000;

export const EMPTY_TAIL = Object.freeze({
  /** Newest first: under way and settled. */
  rows: [],
  /** Settled while paused, oldest first; they are not among `rows`. */
  held: [],
  isPaused: false,
  /** Ids of all that settled, in their order: those that come again are not news. */
  known: [],
  /** How many settled in the last busy second, and how many of them are shown. */
  busy: { second: 0, seen: 0, shown: 0 },
  /** What screen readers have not heard of yet, and when they last heard something. */
  unsaid: { settled: 0, failed: 0 },
  saidAt: 0,
});

/** The state with rows that are there already, such as the first page of the list. */
export function seedTail(rows, { isPaused = false } = {}) {
  return {
    ...EMPTY_TAIL,
    isPaused,
    rows: rows.slice(0, ROWS_MAX).map((row) => ({ ...row, state: "settled" })),
    known: rows.map((row) => row.request_id).reverse(),
  };
}

/** The next state. Events: `{type: "settled", rows}`, `{type: "progress", rows, now}`, `{type: "pause"}`,
 * `{type: "resume"}`, `{type: "tick", now}`, `{type: "said", now}`. */
export function reduceTail(state, event) {
  switch (event.type) {
    case "settled":
      return event.rows.reduce(settle, state);
    case "progress":
      return progress(state, event.rows, event.now);
    case "pause":
      return { ...state, isPaused: true };
    case "resume":
      return resume(state);
    case "tick":
      return dropLost(state, event.now);
    case "said":
      return { ...state, unsaid: EMPTY_TAIL.unsaid, saidAt: event.now };
    default:
      return state;
  }
}

function settle(state, row) {
  if (state.known.includes(row.request_id)) return state;
  const settled = { ...row, state: "settled" };
  const isFailed = row.outcome !== "completed";
  const isThere = state.rows.some((one) => one.request_id === row.request_id);
  const busy = tally(state.busy, endSecond(row));
  const isShown = isThere || busy.shown < SHOWN_PER_SECOND;
  const next = {
    ...state,
    busy: isShown ? { ...busy, shown: busy.shown + 1 } : busy,
    known: [...state.known, row.request_id].slice(-KNOWN_MAX),
    unsaid: { settled: state.unsaid.settled + 1, failed: state.unsaid.failed + (isFailed ? 1 : 0) },
  };
  if (isThere) {
    // It was seen under way: it ends where it stands, even while paused.
    return { ...next, rows: state.rows.map((one) => (one.request_id === row.request_id ? settled : one)) };
  }
  if (!isShown) return next;
  if (state.isPaused) return { ...next, held: [...state.held, settled].slice(-ROWS_MAX) };
  return { ...next, rows: cap([settled, ...state.rows]) };
}

/** By when requests ended and not by when that was heard: what a broken connection missed is no rush. */
function endSecond(row) {
  return Math.floor((Date.parse(row.started_at) + (row.duration_ms ?? 0)) / 1000);
}

function tally(busy, second) {
  return busy.second === second ? { ...busy, seen: busy.seen + 1 } : { second, seen: 1, shown: 0 };
}

function progress(state, told, now) {
  const known = new Set(state.known);
  const underWay = new Map(
    told.filter((row) => !known.has(row.request_id)).map((row) => [row.request_id, { ...row, toldAt: now }]),
  );
  const rows = state.rows.map((row) => {
    const news = row.state !== "settled" && underWay.get(row.request_id);
    underWay.delete(row.request_id);
    return news || row;
  });
  // New ones would move what somebody reads: they show up once they are settled, or the tail goes on.
  const room = state.isPaused ? [] : [...underWay.values()].slice(0, SHOWN_PER_SECOND);
  return dropLost({ ...state, rows: cap([...room.reverse(), ...rows]) }, now);
}

/** What is under way and not spoken of any more was lost with its worker; its row comes when it is recovered. */
function dropLost(state, now) {
  const isLost = (row) => row.state !== "settled" && now - row.toldAt > LOST_MS;
  return state.rows.some(isLost) ? { ...state, rows: state.rows.filter((row) => !isLost(row)) } : state;
}

function resume(state) {
  return { ...state, isPaused: false, held: [], rows: cap([...state.held.toReversed(), ...state.rows]) };
}

/** Requests under way are never pushed out: their ends would look new. */
function cap(rows) {
  if (rows.length <= ROWS_MAX) return rows;
  let settled = ROWS_MAX - rows.filter((row) => row.state !== "settled").length;
  return rows.filter((row) => row.state !== "settled" || settled-- > 0);
}

/** How many rows wait for the tail to go on; null: none. With more than are kept, so many at least. */
export function heldText({ held }) {
  return held.length ? `${held.length}${held.length === ROWS_MAX ? "+" : ""} new` : null;
}

/** Whether rows are being left out, in words; null while all are shown. */
export function samplingText({ busy }, now) {
  const isNow = Math.abs(now / 1000 - busy.second) < 5;
  if (!isNow || busy.seen <= busy.shown) return null;
  const { shown, seen } = busy;
  return `Busy: showing ${shown} of ${seen} requests a second. All of them are in the table once Live is off.`;
}

/** What screen readers are to hear now, or null: at most every ten seconds. */
export function announcement({ unsaid, saidAt }, now) {
  if (!unsaid.settled || now - saidAt < ANNOUNCE_MS) return null;
  const failed = unsaid.failed ? `, ${unsaid.failed} of them not completed` : "";
  return `${unsaid.settled} new ${unsaid.settled === 1 ? "request" : "requests"}${failed}.`;
}
