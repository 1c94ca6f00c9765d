// The start: the session, the frame around every page, the router, the keys. The only module that runs when loaded.

import { announce } from "./announce.js";
import { ApiError } from "./api.js";
import { arrivalOf } from "./arrival.js";
import { pageHead } from "./components/bits.js";
import { openHelp } from "./components/help.js";
import { keepChosenInView } from "./components/in-view.js";
import { openPalette } from "./components/palette.js";
import { failure } from "./components/resource.js";
import { shell } from "./components/shell.js";
import { askAgain } from "./components/sign-in.js";
import { toast } from "./components/toast.js";
import { html, render } from "./html.js";
import { listenForKeys, stepRows } from "./keyboard.js";
import { preferences } from "./preferences.js";
import { ROUTES, notFound } from "./routes.js";
import { Router } from "./router.js";
import { session } from "./session.js";

const SIGN_IN = "/ui/login";
const main = document.getElementById("main");
const router = new Router(ROUTES, main, { guard, notFound, unavailable });

/** A page whose file did not come, in place of it: as when the connection was lost since the start. */
function unavailable(error) {
  console.warn(error);
  const text = "This page could not be loaded. The connection was lost, or the server is being updated.";
  return ({ draw }) =>
    draw(html`${pageHead("Not loaded")}${failure(new ApiError(0, { message: text }), () => router.reload())}`);
}

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
  const refused = await session.signOut();
  if (refused) return toast(`You are still signed in: ${refused}`, { tone: "bad" });
  // Nothing of the last visitor may come back with the Back button: the page is loaded anew.
  location.replace(SIGN_IN);
  return undefined;
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

/** What holds for every page: that there is no connection, or that whoever came in is not known any more. */
function showConnection() {
  const who = router.route?.who;
  render(
    [
      navigator.onLine
        ? ""
        : html`<p class="strip" data-tone="warn" role="status">No connection. What you see is from before.</p>`,
      session.refusal && who === "user" ? refusedStrip() : "",
      session.isEnded && who === "admin" ? endedStrip() : "",
    ],
    document.getElementById("connection"),
  );
}

const refusedStrip = () =>
  html`<p class="strip" data-tone="bad" role="alert">
    <span>${session.refusal} What you see is from before.</span>
    <a href=${signInWithKey(location.pathname + location.search)}>Sign in with another key</a>
  </p>`;

const endedStrip = () =>
  html`<p class="strip" data-tone="warn" role="alert">
    <span>Your session has ended. What you see is from before.</span>
    <button type="button" class="button" @click=${() => session.renew().catch(() => {})}>Sign in</button>
  </p>`;

session.ask = askAgain;
session.addEventListener("change", drawShell);
session.addEventListener("change", showConnection);
preferences.addEventListener("change", drawShell);
preferences.addEventListener("zone", () => router.refresh());
router.addEventListener("route", drawShell);
router.addEventListener("route", showConnection);
addEventListener("online", showConnection);
addEventListener("offline", showConnection);
addEventListener("error", sayBroken);
addEventListener("unhandledrejection", sayBroken);
addEventListener("pageshow", (event) => event.persisted && location.reload());
listenForKeys({
  onkey: press,
  onpalette: () => area() !== "anyone" && palette(),
  isOn: () => preferences.hasShortcuts,
});

/** Whatever nobody saw coming is at least said: what is on the screen may be less than the truth. */
function sayBroken({ error, reason }) {
  const fault = error ?? reason;
  if (fault && fault.name !== "AbortError") {
    toast("Something in this page went wrong. Load it again if it does not go on.", { tone: "bad" });
  }
}

async function start() {
  const unknown = await session.restore();
  main.querySelector(".boot")?.remove();
  if (unknown) {
    render(failure(new ApiError(0, { message: unknown }), start), main);
    return;
  }
  if (location.pathname === "/") history.replaceState(null, "", `/ui${location.search}`);
  await router.start();
}

keepChosenInView();
showConnection();
await start();
