// The command palette: go to a page, or find a user, a model, a key or a request by what was typed.

import { get, withQuery } from "../api.js";
import { html, when } from "../html.js";
import { ROUTES } from "../routes.js";
import { session } from "../session.js";
import { Dialog } from "./dialog.js";
import { icon } from "./icons.js";

const FOUND_MAX = 5;
const WAIT_MS = 150;

/** Open it; `go(url)` is where the choice leads. */
export function openPalette(go) {
  const state = { text: "", found: [], at: 0 };
  let timer = null;
  let search = new AbortController();
  const stop = () => {
    clearTimeout(timer);
    search.abort();
  };
  // A search that ends after the palette was closed must not open it again.
  const dialog = new Dialog({ kind: "palette", onclose: stop });

  const choose = (entry) => {
    dialog.close();
    go(entry.href);
  };
  const type = (event) => {
    state.text = event.target.value;
    state.at = 0;
    state.found = [];
    stop();
    search = new AbortController();
    const { signal } = search;
    timer = setTimeout(async () => {
      const found = await find(state.text.trim(), signal);
      if (signal.aborted) return;
      state.found = found;
      draw();
    }, WAIT_MS);
    draw();
  };
  const press = (event) => {
    const entries = listed();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      state.at = (state.at + (event.key === "ArrowDown" ? 1 : entries.length - 1)) % Math.max(1, entries.length);
      draw();
      document.getElementById(`palette-${state.at}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && entries[state.at]) {
      event.preventDefault();
      choose(entries[state.at]);
    }
  };
  const listed = () => [...pages(state.text), ...state.found];
  const draw = () => {
    const entries = listed();
    dialog.show(
      "Go to",
      html`<label class="palette-input"
          >${icon("search")}<span class="visually-hidden">Page, user, model, key or request id</span>
          <input
            autofocus
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant=${`palette-${state.at}`}
            autocomplete="off"
            spellcheck="false"
            placeholder="Page, user, model, key or request id"
            .value=${state.text}
            @input=${type}
            @keydown=${press}
        /></label>
        <ul id="palette-list" role="listbox" aria-label="Results">
          ${entries.map(
            (entry, at) =>
              html`<li
                id=${`palette-${at}`}
                role="option"
                aria-selected=${at === state.at}
                @click=${() => choose(entry)}>
                ${icon(entry.icon)}<span>${entry.text}</span><span class="quiet">${entry.kind}</span>
              </li>`,
          )}
        </ul>
        ${when(!entries.length, () => html`<p class="quiet">Nothing is called that.</p>`)}`,
    );
  };
  draw();
}

function pages(text) {
  const wanted = text.trim().toLowerCase();
  return ROUTES.filter((route) => route.nav && isAllowed(route) && route.title.toLowerCase().includes(wanted)).map(
    (route) => ({ text: route.title, kind: "page", icon: route.icon, href: route.path }),
  );
}

export function isAllowed(route) {
  return route.who === "anyone" || (route.who === "admin" ? session.admin !== null : session.userKey !== null);
}

async function find(text, signal) {
  if (!session.admin || text.length < 2) return [];
  const [users, keys, models, request] = await Promise.all([
    quietly(get(withQuery("/api/admin/users", { q: text, limit: FOUND_MAX }), { signal })),
    quietly(get(withQuery("/api/admin/keys", { q: text, limit: FOUND_MAX }), { signal })),
    quietly(get("/api/admin/models?limit=200", { signal })),
    looksLikeId(text) ? quietly(get(`/api/admin/usage/${encodeURIComponent(text)}`, { signal })) : null,
  ]);
  const named = (models?.data ?? []).filter(({ key, display_name: name }) =>
    `${key} ${name}`.toLowerCase().includes(text.toLowerCase()),
  );
  return [
    ...(request
      ? [
          {
            text: request.request_id,
            kind: "request",
            icon: "list",
            href: withQuery("/ui/requests", { open: request.request_id }),
          },
        ]
      : []),
    ...(users?.data ?? []).map((user) => ({
      text: user.name,
      kind: "user",
      icon: "users",
      href: `/ui/users/${user.id}`,
    })),
    ...named
      .slice(0, FOUND_MAX)
      .map((model) => ({
        text: model.display_name ?? model.key,
        kind: "model",
        icon: "cube",
        href: withQuery("/ui/models", { open: model.key }),
      })),
    ...(keys?.data ?? []).map((key) => ({
      text: `${key.name} (${key.prefix}…${key.last4})`,
      kind: "key",
      icon: "key",
      href: withQuery("/ui/keys", { open: key.id }),
    })),
  ];
}

const looksLikeId = (text) => text.length >= 12 && !/\s/.test(text);

/** What one search finds must not depend on whether another one works. */
async function quietly(promise) {
  try {
    return await promise;
  } catch {
    return null;
  }
}
