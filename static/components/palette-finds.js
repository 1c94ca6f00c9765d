// What the command palette finds: pages by their names, and users, models, keys and requests by asking the server.

import { get, withQuery } from "../api.js";
import { ROUTES } from "../routes.js";
import { session } from "../session.js";

const FOUND_MAX = 5;
const MODELS_MAX = 200;
const TEXT_MIN = 2;

/** Whether this visitor may see that page. */
export function isAllowed(route) {
  return route.who === "anyone" || (route.who === "admin" ? session.admin !== null : session.userKey !== null);
}

/** The pages that are called so; all of them for no text. */
export function findPages(text) {
  const wanted = text.trim().toLowerCase();
  return ROUTES.filter((route) => route.nav && isAllowed(route) && route.title.toLowerCase().includes(wanted)).map(
    (route) => ({ text: route.title, kind: "page", icon: route.icon, href: route.path }),
  );
}

/** Asks the server; the models are the same for every letter typed, so they are fetched once. */
export class Finder {
  #models = null;

  async find(text, signal) {
    if (text.length < TEXT_MIN) return [];
    const parts = session.admin
      ? [findRequest(text, signal), findUsers(text, signal), this.#findModels(text), findKeys(text, signal)]
      : [findOwnRequest(text, signal)];
    return (await Promise.all(parts.map(quietly))).flat();
  }

  async #findModels(text) {
    this.#models ??= get(withQuery("/api/admin/models", { limit: MODELS_MAX }));
    const wanted = text.toLowerCase();
    const named = (await this.#models).data.filter(({ key, display_name: name }) =>
      `${key} ${name ?? ""}`.toLowerCase().includes(wanted),
    );
    return named.slice(0, FOUND_MAX).map(({ key, display_name: name }) => ({
      text: name ?? key,
      kind: "model",
      icon: "cube",
      href: withQuery("/ui/models", { open: key }),
    }));
  }
}

async function findUsers(text, signal) {
  const { data } = await get(withQuery("/api/admin/users", { q: text, limit: FOUND_MAX }), { signal });
  return data.map(({ id, name }) => ({ text: name, kind: "user", icon: "users", href: `/ui/users/${id}` }));
}

async function findKeys(text, signal) {
  const { data } = await get(withQuery("/api/admin/keys", { q: text, limit: FOUND_MAX }), { signal });
  return data.map(({ id, name, prefix, last4 }) => ({
    text: `${name} (${prefix}…${last4})`,
    kind: "key",
    icon: "key",
    href: withQuery("/ui/keys", { open: id }),
  }));
}

const findRequest = (text, signal) => requestAt("/api/admin/usage", "/ui/requests", text, signal);
const findOwnRequest = (text, signal) => requestAt("/api/user/usage", "/ui/me/usage", text, signal);

async function requestAt(source, page, text, signal) {
  if (!looksLikeId(text)) return [];
  const { request_id: id } = await get(`${source}/${encodeURIComponent(text)}`, { signal });
  return [{ text: id, kind: "request", icon: "list", href: withQuery(page, { open: id }) }];
}

const looksLikeId = (text) => text.length >= 12 && !/\s/.test(text);

/** What one search finds must not depend on whether another one works. */
async function quietly(found) {
  try {
    return await found;
  } catch {
    return [];
  }
}
