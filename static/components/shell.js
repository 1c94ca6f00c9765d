// The frame around every page: navigation at the side, or at the bottom on a phone; search, theme and the way out.

import { html, when } from "../html.js";
import { preferences } from "../preferences.js";
import { ROUTES } from "../routes.js";
import { session } from "../session.js";
import { Dialog } from "./dialog.js";
import { icon } from "./icons.js";

const THEME_ICONS = { system: "monitor", light: "sun", dark: "moon" };
const BOTTOM_MAX = 4;
const HOME = { admin: "/ui", user: "/ui/me", anyone: "/ui/login" };

/** Templates for the three places of the frame. `area`: "admin", "user" or "anyone". */
export function shell({ area, route, path, signOut, palette, help }) {
  const routes = ROUTES.filter((one) => one.nav && one.who === area);
  return {
    side: area === "anyone" ? "" : side(area, routes, path, { signOut, palette, help }),
    top: top(area, route, { palette }),
    bottom: area === "anyone" ? "" : bottom(area, routes, path, { signOut, help }),
  };
}

function side(area, routes, path, { signOut, palette, help }) {
  const groups = [...new Set(routes.map((route) => route.nav))];
  return html`<a class="brand" href=${HOME[area]}>${logo()}<span>quart-proxy</span></a>
    <button type="button" class="search-button" @click=${palette}>
      ${icon("search")}<span>Search</span><kbd>Ctrl K</kbd>
    </button>
    <nav aria-label="Main">
      ${groups.map(
        (group) =>
          html`<h2 class="nav-group">${group}</h2>
            <ul>
              ${routes.filter((route) => route.nav === group).map((route) => html`<li>${link(route, path)}</li>`)}
            </ul>`,
      )}
    </nav>
    <div class="side-foot">
      ${other(area)}
      <div class="side-row">${look()}${iconButton("Keyboard", "keyboard", help)}</div>
      ${account(area, signOut)}
    </div>`;
}

function top(area, route, { palette }) {
  return html`<a class="brand" href=${HOME[area]}>${logo()}<span>quart-proxy</span></a>
    ${when(area !== "anyone", () => iconButton("Search", "search", palette))}`;
}

function bottom(area, routes, path, actions) {
  return html`<nav aria-label="Main, on a phone">
    ${routes.slice(0, BOTTOM_MAX).map((route) => link(route, path, { isShort: true }))}
    <button type="button" class="nav-link" @click=${() => openMore(area, routes.slice(BOTTOM_MAX), path, actions)}>
      ${icon("more")}<span>More</span>
    </button>
  </nav>`;
}

function openMore(area, routes, path, { signOut }) {
  const over = new AbortController();
  const dialog = new Dialog({ kind: "sheet", onclose: () => over.abort() });
  const leave = () => {
    dialog.close();
    signOut();
  };
  const draw = () =>
    dialog.show(
      "More",
      html`<nav class="more" aria-label="More" @click=${(event) => event.target.closest("a") && dialog.close()}>
          ${routes.map((route) => link(route, path))}${other(area)}
        </nav>
        ${look()}${account(area, leave)}`,
    );
  preferences.addEventListener("change", draw, { signal: over.signal });
  draw();
}

function link(route, path, { isShort = false } = {}) {
  const isHere =
    route.path === path || (route.path !== "/ui" && route.path !== "/ui/me" && path.startsWith(`${route.path}/`));
  return html`<a class="nav-link" href=${route.path} aria-current=${isHere ? "page" : "false"}
    >${icon(route.icon)}<span>${isShort ? (route.short ?? route.title) : route.title}</span></a
  >`;
}

/** To the other side of the house, for who may see both. */
function other(area) {
  if (area === "user" && session.admin)
    return html`<a class="nav-link" href="/ui">${icon("gauge")}<span>To the admin's pages</span></a>`;
  if (area === "admin") return html`<a class="nav-link" href="/ui/me">${icon("wallet")}<span>A user's view</span></a>`;
  return "";
}

/** Who is signed in, and the way out. */
function account(area, signOut) {
  const key = session.userKey ?? "";
  const admin = session.admin?.subject.split(":")[1] ?? "Signed in";
  const [name, what] = area === "user" ? [`${key.slice(0, 6)}…${key.slice(-4)}`, "API key"] : [admin, "Admin"];
  return html`<div class="account">
    <span class="account-name" title=${name}>${name}<small>${what}</small></span
    >${iconButton("Sign out", "out", signOut)}
  </div>`;
}

function iconButton(label, iconName, press) {
  return html`<button type="button" class="button" data-kind="icon" aria-label=${label} title=${label} @click=${press}>
    ${icon(iconName)}
  </button>`;
}

/** How things are shown: the theme, and the zone of times. */
function look() {
  const now = preferences.theme;
  return html`<div class="theme-choice" role="group" aria-label="Theme">
    ${Object.entries(THEME_ICONS).map(
      ([name, iconName]) =>
        html` <button
          type="button"
          aria-pressed=${now === name}
          aria-label=${`Theme: ${name}`}
          title=${`Theme: ${name}`}
          @click=${() => {
            preferences.theme = name;
          }}>
          ${icon(iconName)}
        </button>`,
    )}
    <button
      type="button"
      class="zone"
      aria-label=${`Times in ${preferences.zone}; switch`}
      title=${`Times in ${preferences.zone}`}
      @click=${() => {
        preferences.isLocalZone = !preferences.isLocalZone;
      }}>
      ${preferences.isLocalZone ? "Local" : "UTC"}
    </button>
  </div>`;
}

export function logo() {
  return html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="8" />
    <circle cx="15" cy="15" r="7" />
    <path d="m17.5 17.5 6.5 6.5" />
  </svg>`;
}
