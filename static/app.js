// The start: the session, the frame around every page, the router, the keys. The only module that runs when loaded.

import { announce } from "./announce.js";
import { arrivalOf } from "./arrival.js";
import { openHelp } from "./components/help.js";
import { openPalette } from "./components/palette.js";
import { shell } from "./components/shell.js";
import { askAgain } from "./components/sign-in.js";
import { html, render } from "./html.js";
import { listenForKeys, stepRows } from "./keyboard.js";
import { preferences } from "./preferences.js";
import { ROUTES, notFound } from "./routes.js";
import { Router } from "./router.js";
import { session } from "./session.js";

const SIGN_IN = "/ui/login";
const main = document.getElementById("main");
const router = new Router(ROUTES, main, { guard, notFound });

/** Where to go instead of a page that this visitor may not see. */
function guard(route) {
  const here = location.pathname + location.search;
  if (route.path === SIGN_IN) {
    const query = new URLSearchParams(location.search);
    const isIn = query.get("as") === "user" ? session.isUser : session.admin;
    return isIn ? arrivalOf(query) : null;
  }
  if (route.who === "admin" && !session.admin) return `${SIGN_IN}?next=${encodeURIComponent(here)}`;
  if (route.who === "user" && !session.userKey) return signInWithKey(here);
  return null;
}

const signInWithKey = (next) => `${SIGN_IN}?as=user&next=${encodeURIComponent(next)}`;

function area() {
  if (router.route?.who === "user" || router.route?.who === "admin") return router.route.who;
  return session.admin ? "admin" : session.userKey ? "user" : "anyone";
}

const go = (url) => router.go(url);
const palette = () => openPalette(go);

async function signOut() {
  await session.signOut();
  // Nothing of the last visitor may come back with the Back button: the page is loaded anew.
  location.replace(SIGN_IN);
}

function drawShell() {
  document.body.dataset.area = area();
  const frame = shell({
    area: area(),
    route: router.route,
    path: location.pathname,
    signOut,
    palette,
    help: () => openHelp(area()),
  });
  render(frame.side, document.getElementById("side"));
  render(frame.top, document.getElementById("top"));
  render(frame.bottom, document.getElementById("bottom"));
}

function press(key) {
  const target = ROUTES.find((route) => route.key && key === `g ${route.key}` && route.who === area());
  if (target) go(target.path);
  else if (key === "?") openHelp(area());
  else if (key === "/") main.querySelector("[data-filter]")?.focus();
  else if (key === "j" || key === "k")
    return !document.querySelector("dialog[open]") && stepRows(main, key === "j" ? 1 : -1);
  else if (key === "t") announce(`Theme: ${preferences.turnTheme()}`);
  else return false;
  return true;
}

/** What holds for every page: that there is no connection, or that the user's key is not taken any more. */
function showConnection() {
  const isRefused = session.refusal && router.route?.who === "user";
  render(
    [
      navigator.onLine
        ? ""
        : html`<p class="strip" data-tone="warn" role="status">No connection. What you see is from before.</p>`,
      isRefused ? refusedStrip() : "",
    ],
    document.getElementById("connection"),
  );
}

const refusedStrip = () =>
  html`<p class="strip" data-tone="bad" role="alert">
    <span>${session.refusal} What you see is from before.</span>
    <a href=${signInWithKey(location.pathname + location.search)}>Sign in with another key</a>
  </p>`;

session.ask = askAgain;
session.addEventListener("change", drawShell);
session.addEventListener("change", showConnection);
preferences.addEventListener("change", drawShell);
router.addEventListener("route", drawShell);
router.addEventListener("route", showConnection);
addEventListener("online", showConnection);
addEventListener("offline", showConnection);
addEventListener("pageshow", (event) => event.persisted && location.reload());
listenForKeys({
  onkey: press,
  onpalette: () => area() !== "anyone" && palette(),
  isOn: () => preferences.hasShortcuts,
});

await session.restore();
showConnection();
main.replaceChildren();
if (location.pathname === "/") history.replaceState(null, "", `/ui${location.search}`);
await router.start();
