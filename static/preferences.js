// What this browser remembers of how to show things: the theme, the zone of times, single-key shortcuts. No secrets.

const THEMES = ["system", "light", "dark"];

/** Tells "change" of anything, and "zone" when times are to be shown in another one. */
class Preferences extends EventTarget {
  get theme() {
    return localStorage.getItem("theme") ?? "system";
  }

  set theme(theme) {
    keep("theme", theme === "system" ? null : theme);
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    this.#tell();
  }

  /** The next of system, light and dark; returns it. */
  turnTheme() {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length];
    return this.theme;
  }

  /** An IANA name: `UTC` unless local time was chosen. */
  get zone() {
    return localStorage.getItem("zone") === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
  }

  get isLocalZone() {
    return localStorage.getItem("zone") === "local";
  }

  set isLocalZone(isLocal) {
    keep("zone", isLocal ? "local" : null);
    this.#tell();
    this.dispatchEvent(new Event("zone"));
  }

  /** Whether single letters are shortcuts (WCAG 2.1.4: they can be turned off). */
  get hasShortcuts() {
    return localStorage.getItem("shortcuts") !== "off";
  }

  set hasShortcuts(isOn) {
    keep("shortcuts", isOn ? null : "off");
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

function keep(name, value) {
  if (value === null) localStorage.removeItem(name);
  else localStorage.setItem(name, value);
}

export const preferences = new Preferences();
