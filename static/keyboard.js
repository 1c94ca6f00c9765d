// Shortcuts of single keys, of `g` and a letter, and of Ctrl or Cmd with K. Off while something is typed.

const GO_MS = 1200;

/** `onkey(key)` hears single keys, "g d" for two in a row, and says whether it took it; `onpalette()` hears Ctrl+K. */
export function listenForKeys({ onkey, onpalette, isOn }) {
  let went = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      onpalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !isOn() || isTyping(event.target))
      return;
    const isSecond = Date.now() - went < GO_MS;
    went = event.key === "g" && !isSecond ? Date.now() : 0;
    const key = isSecond ? `g ${event.key}` : event.key;
    if (event.key !== "g" && onkey(key)) event.preventDefault();
  });
}

/** Whether what has the focus takes text: keys belong to it then. */
export function isTyping(target) {
  return target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

/** Steps over rows with j and k, within `root`: what Enter opens then has the focus. */
export function stepRows(root, step) {
  const links = [...root.querySelectorAll("tbody .row-link")];
  if (!links.length) return false;
  const now = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, now < 0 ? 0 : now + step))].focus();
  return true;
}
