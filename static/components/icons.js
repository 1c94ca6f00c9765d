// Icons, drawn with the text's own colour. They say nothing to a screen reader: the text beside them does.

import { html, svg } from "../html.js";

const PATHS = {
  gauge: svg`<path d="M4 18a8 8 0 1 1 16 0M12 18l4-6"/>`,
  list: svg`<path d="M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01"/>`,
  users: svg`<circle cx="9" cy="8" r="3.5"/>
    <path d="M3 20a6 6 0 0 1 12 0M16 5a3.5 3.5 0 0 1 0 6.5M18 20a6 6 0 0 0-3-5.2"/>`,
  key: svg`<circle cx="8" cy="15" r="4"/><path d="m11 12 8-8m-4 4 3 3"/>`,
  book: svg`<path d="M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11M9 8h6"/>`,
  cube: svg`<path d="m12 3 8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"/>`,
  plug: svg`<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4"/>`,
  branch: svg`<circle cx="6" cy="5" r="2"/><circle cx="6" cy="19" r="2"/><circle cx="18" cy="9" r="2"/>
    <path d="M6 7v10M18 11c0 4-6 3-12 6"/>`,
  sliders: svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
  shield: svg`<path d="M12 3 5 6v6c0 4.5 3 7.5 7 9 4-1.5 7-4.5 7-9V6zM9 12l2 2 4-4"/>`,
  server: svg`<rect x="4" y="4" width="16" height="7" rx="2"/><rect x="4" y="13" width="16" height="7" rx="2"/>
    <path d="M8 7.5h.01M8 16.5h.01"/>`,
  wallet: svg`<path d="M4 7h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2h11M16 13.500h.01"/>`,
  chat: svg`<path d="M4 5h16v11H10l-4 4v-4H4z"/>`,
  check: svg`<path d="m5 12 5 5 9-10"/>`,
  warning: svg`<path d="M12 4 2.5 20h19zM12 10v4M12 17h.01"/>`,
  error: svg`<circle cx="12" cy="12" r="9"/><path d="M12 7v6M12 16.5h.01"/>`,
  info: svg`<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 7.5h.01"/>`,
  copy: svg`<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15V6a2 2 0 0 1 2-2h8"/>`,
  link: svg`<path d="M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6L11.5 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1.5-1.5"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  search: svg`<circle cx="11" cy="11" r="6.5"/><path d="m20 20-4.3-4.3"/>`,
  sun: svg`<circle cx="12" cy="12" r="4"/>
    <path d="M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.500M17.5 17.5 19 19M5 19l1.5-1.500M17.5 6.5 19 5"/>`,
  moon: svg`<path d="M20 14.500A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.500z"/>`,
  monitor: svg`<rect x="3" y="4" width="18" height="12" rx="2"/><path d="M8 20h8M12 16v4"/>`,
  refresh: svg`<path d="M20 11a8 8 0 0 0-14-4.500L4 9M4 4v5h5M4 13a8 8 0 0 0 14 4.500l2-2.500M20 20v-5h-5"/>`,
  download: svg`<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  more: svg`<path d="M5 12h.01M12 12h.01M19 12h.01"/>`,
  out: svg`<path d="M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9"/>`,
  lock: svg`<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>`,
  edit: svg`<path d="M4 20h4L19 9l-4-4L4 16zM13 7l4 4"/>`,
  file: svg`<path d="M6 3h8l4 4v14H6zM14 3v4h4"/>`,
  live: svg`<circle cx="12" cy="12" r="3"/><path d="M6.5 6.500a8 8 0 0 0 0 11M17.5 6.500a8 8 0 0 1 0 11"/>`,
  pause: svg`<path d="M9 5v14M15 5v14"/>`,
  play: svg`<path d="M8 5v14l11-7z"/>`,
  pin: svg`<path d="M9 4h6l-1 6 3 3H7l3-3zM12 13v7"/>`,
  undo: svg`<path d="M9 6 4 11l5 5M4 11h10a6 6 0 0 1 0 9h-3"/>`,
  clock: svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>`,
  down: svg`<path d="m6 9 6 6 6-6"/>`,
  right: svg`<path d="m9 6 6 6-6 6"/>`,
  keyboard: svg`<rect x="3" y="6" width="18" height="12" rx="2"/><path d="M7 10h.01M11 10h.01M15 10h.01M8 14h8"/>`,
  left: svg`<path d="m15 6-6 6 6 6"/>`,
  trash: svg`<path d="M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13"/>`,
  stop: svg`<rect x="6" y="6" width="12" height="12" rx="2"/>`,
};

/** The icon of that name. */
export function icon(name) {
  const paths = PATHS[name] ?? PATHS.info;
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${paths}</svg>`;
}
