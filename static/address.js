// Which address the page shows: what was begun for one must not act upon the next.

let leave = new AbortController();

/** Aborted when the address changes, by a link, by a control of the page or by the way back. */
export const addressSignal = () => leave.signal;

/** For the router: another address holds from now on. */
export function addressChanged() {
  leave.abort();
  leave = new AbortController();
}
