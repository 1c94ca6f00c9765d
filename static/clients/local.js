// Addresses that only this machine or its network reaches, and what to write instead. Pure.

const NAME = /^(localhost|.+\.(localhost|local|internal))$/;
const IPV4 = /^((0|127|10)(\.\d+){3}|(192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d+){2})$/;
const IPV6 = /^\[(::1?|f[cde].*)\]$/;

/** Whether other machines cannot reach that address. A name without a dot is one of an own network. */
export function isLocal(base) {
  const { hostname } = new URL(base);
  return [NAME, IPV4, IPV6].some((one) => one.test(hostname)) || !/[.:]/.test(hostname);
}

/** What to write instead inside a container, as notes; none for an address that is the same everywhere. */
export function dockerNotes(base) {
  if (!isLocal(base)) return [];
  const url = new URL(base);
  url.hostname = "host.docker.internal";
  return [`Inside Docker, this machine is called host.docker.internal: use ${url.origin}/v1 there.`];
}
