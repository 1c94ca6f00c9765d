// Saying something to screen readers, without moving the focus.

/** A polite word; the same word said twice is heard twice. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
