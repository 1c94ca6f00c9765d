// Which route of the table an address is. Pure.

/** The route of `path` and its parameters, or null. Routes are `{path: "/ui/users/:id", …}`. Pure. */
export function matchRoute(routes, path) {
  const parts = split(path);
  for (const route of routes) {
    const wanted = split(route.path);
    if (wanted.length !== parts.length) continue;
    const params = {};
    const fits = wanted.every((part, at) => {
      if (!part.startsWith(":")) return part === parts[at];
      params[part.slice(1)] = parts[at];
      return true;
    });
    if (fits) return { route, params };
  }
  return null;
}

function split(path) {
  return path
    .split("/")
    .filter(Boolean)
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
}
