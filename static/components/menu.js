// A button with a list of further actions: a native popover, placed beside its button.

import { html } from "../html.js";
import { icon } from "./icons.js";

const GAP_PX = 4;

/** `label` says whose actions they are: "More for Ada". `items`: `{text, iconName, action?, href?, tone?, disabled?}`;
 * nothing in the list is passed over. `name` tells this menu from the others on the page. */
export function menu(label, items, name) {
  const id = `menu-${name}`;
  return html`<span class="menu"
    ><button type="button" class="button" data-kind="icon" popovertarget=${id} aria-label=${label} title=${label}>
      ${icon("more")}
    </button>
    <div class="menu-list" id=${id} popover @beforetoggle=${place} @toggle=${enter} @keydown=${step}>
      ${items.filter(Boolean).map((item) =>
        item.href
          ? html`<a href=${item.href} @click=${close}>${icon(item.iconName)}<span>${item.text}</span></a>`
          : html`<button
              type="button"
              data-tone=${item.tone ?? ""}
              ?disabled=${item.disabled}
              @click=${(event) => {
                close(event);
                item.action();
              }}>
              ${icon(item.iconName)}<span>${item.text}</span>
            </button>`,
      )}
    </div></span
  >`;
}

function buttonOf(list) {
  return list.parentElement.querySelector("[popovertarget]");
}

/** Under the button, its right edge on the button's; above it where there is no room below. */
function place(event) {
  if (event.newState !== "open") return;
  const list = event.target;
  const box = buttonOf(list).getBoundingClientRect();
  requestAnimationFrame(() => {
    const { offsetWidth: width, offsetHeight: height } = list;
    const below = box.bottom + GAP_PX;
    list.style.setProperty(
      "inset-block-start",
      `${below + height > innerHeight ? Math.max(GAP_PX, box.top - height - GAP_PX) : below}px`,
    );
    list.style.setProperty("inset-inline-start", `${Math.max(GAP_PX, box.right - width)}px`);
  });
}

function enter(event) {
  if (event.newState === "open") entries(event.target)[0]?.focus();
}

function step(event) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const all = entries(event.currentTarget);
  all[(all.indexOf(document.activeElement) + way + all.length) % all.length]?.focus();
}

const entries = (list) => [...list.querySelectorAll("a, button:not(:disabled)")];

/** Closed before the action runs, so that a dialog gives the focus back to the button. */
function close(event) {
  const list = event.currentTarget.closest("[popover]");
  const button = buttonOf(list);
  list.hidePopover();
  button.focus();
}
