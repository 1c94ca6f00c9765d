// What a picker offers for what is typed: `[{value, text}, …]`, a screenful at most.

import { get, withQuery } from "../api.js";

const FOUND_MAX = 20;

const asOption = ({ id, name }) => ({ value: String(id), text: name });

export async function findUsers(q) {
  return (await get(withQuery("/api/admin/users", { q, limit: FOUND_MAX }))).data.map(asOption);
}

export async function findKeys(q) {
  return (await get(withQuery("/api/admin/keys", { q, limit: FOUND_MAX }))).data.map((key) => ({
    value: String(key.id),
    text: `${key.name} of ${key.user_name ?? `user ${key.user_id}`}`,
  }));
}

export async function findOwnKeys(q) {
  return fitting((await get("/api/user/keys")).data.map(asOption), q);
}

export async function findModels(q) {
  return fitting(
    (await get("/api/admin/models?limit=200")).data.map(({ key }) => ({ value: key, text: key })),
    q,
  );
}

export async function findOwnModels(q) {
  return fitting(
    (await get("/api/user/models")).data.map(({ name }) => ({ value: name, text: name })),
    q,
  );
}

const fitting = (options, q) =>
  options.filter(({ text }) => text.toLowerCase().includes(q.toLowerCase())).slice(0, FOUND_MAX);
