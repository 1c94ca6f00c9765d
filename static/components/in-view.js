// Tabs that scroll sideways, as on a phone, show the one that is chosen: when they are drawn, and when it changes. What
// a hand scrolled in between stays.

const ROWS = "nav.tabs, nav.clients";
const shown = new WeakMap();

export function keepChosenInView() {
  const watch = new MutationObserver(() => document.querySelectorAll(ROWS).forEach(showChosen));
  const attributeFilter = ["aria-current"];
  watch.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter });
}

function showChosen(row) {
  const chosen = row.querySelector("[aria-current=page]");
  const href = chosen?.getAttribute("href");
  if (!chosen || shown.get(row) === href) return;
  shown.set(row, href);
  const [outer, inner] = [row, chosen].map((element) => element.getBoundingClientRect());
  if (inner.left < outer.left || inner.right > outer.right)
    row.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
}
