// Every page: its address, title, who may see it and its file. The navigation and the palette are drawn from this.
//
// `who`: "admin", "user" or "anyone". `nav`: the group it stands under in the navigation; without it, it is not there.
// `key`: the letter that `g` goes there with. `short`: the title in the bar of a phone.

export const ROUTES = [
  { path: "/ui/login", title: "Sign in", who: "anyone", load: () => import("./pages/login.js") },

  { path: "/ui", title: "Dashboard", who: "admin", nav: "Overview", icon: "gauge", key: "d",
    load: () => import("./pages/dashboard.js") },
  { path: "/ui/requests", title: "Requests", who: "admin", nav: "Overview", icon: "list", key: "r",
    load: () => import("./pages/requests.js") },
  { path: "/ui/users", title: "Users", who: "admin", nav: "Money", icon: "users", key: "u",
    load: () => import("./pages/users.js") },
  { path: "/ui/users/:id", title: "User", who: "admin", load: () => import("./pages/user.js") },
  { path: "/ui/keys", title: "API keys", who: "admin", nav: "Money", icon: "key", key: "k",
    load: () => import("./pages/keys.js") },
  { path: "/ui/ledger", title: "Ledger", who: "admin", nav: "Money", icon: "book", key: "l",
    load: () => import("./pages/ledger.js") },
  { path: "/ui/models", title: "Models", who: "admin", nav: "Models", icon: "cube", key: "m",
    load: () => import("./pages/models.js") },
  { path: "/ui/providers", title: "Providers", who: "admin", nav: "Models", icon: "plug", key: "v",
    load: () => import("./pages/providers.js") },
  { path: "/ui/registry", title: "File and live", who: "admin", nav: "Models", icon: "branch", key: "f",
    load: () => import("./pages/registry.js") },
  { path: "/ui/settings", title: "Settings", who: "admin", nav: "System", icon: "sliders", key: "s",
    load: () => import("./pages/settings.js") },
  { path: "/ui/audit", title: "Audit log", who: "admin", nav: "System", icon: "shield", key: "a",
    load: () => import("./pages/audit.js") },
  { path: "/ui/system", title: "System", who: "admin", nav: "System", icon: "server", key: "y",
    load: () => import("./pages/system.js") },

  { path: "/ui/me", title: "Balance", who: "user", nav: "You", icon: "wallet", key: "b",
    load: () => import("./pages/me.js") },
  { path: "/ui/me/usage", title: "Usage", who: "user", nav: "You", icon: "list", key: "u",
    load: () => import("./pages/me-usage.js") },
  { path: "/ui/me/models", title: "Models and prices", short: "Models", who: "user", nav: "You", icon: "cube", key: "m",
    load: () => import("./pages/me-models.js") },
  { path: "/ui/me/keys", title: "Your keys", who: "user", nav: "You", icon: "key", key: "k",
    load: () => import("./pages/me-keys.js") },
  { path: "/ui/me/connect", title: "Connect", who: "user", nav: "Use", icon: "plug", key: "c",
    load: () => import("./pages/connect.js") },
  { path: "/ui/playground", title: "Playground", who: "user", nav: "Use", icon: "chat", key: "p",
    load: () => import("./pages/playground.js") },
];

export const notFound = () => import("./pages/not-found.js");
