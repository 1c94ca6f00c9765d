// The patch that has the file declare what is only live, with the providers of a model that no file has either.

import { get, post } from "../api.js";

export async function exportLive({ kind, key, row }, { signal } = {}) {
  const named =
    kind === "model" ? [row.provider, ...Object.values(row.upstreams ?? {}).map(({ provider }) => provider)] : [];
  const providers = await Promise.all(
    [...new Set(named.filter(Boolean))].map((one) =>
      get(`/api/admin/providers/${encodeURIComponent(one)}`, { signal }),
    ),
  );
  const missing = providers.filter(({ registry }) => registry.source === null).map((one) => `provider/${one.key}`);
  const name = `${kind}/${key}`;
  return post("/api/admin/registry/export", { adopt: [...missing, name], only: [name] }, { signal });
}
