// The column of a table that selects rows: a box in each, one over them for all that are shown.

import { html, live } from "../html.js";

/** `nameOf(row)` says which one in the name of its box; `changed()` draws the page anew. */
export function selectColumn({ selection, rows, nameOf, changed }) {
  const shown = rows.map(({ id }) => id);
  const isAll = shown.length > 0 && shown.every((id) => selection.has(id));
  const turnAll = () => {
    selection.put(shown, !isAll);
    changed();
  };
  const turn = (id) => (event) => {
    selection.toggle(id, shown, { isRange: event.shiftKey });
    changed();
  };
  return {
    name: "select",
    label: "Select",
    kind: "select",
    heading: box("Select all that are shown", { isOn: isAll, isPartly: !isAll && selection.size > 0, turn: turnAll }),
    render: (row) => box(`Select ${nameOf(row)}`, { isOn: selection.has(row.id), turn: turn(row.id) }),
  };
}

const box = (label, { isOn, isPartly = false, turn }) =>
  html`<label class="pick" @mousedown=${keepText}
    ><input type="checkbox" aria-label=${label} .checked=${live(isOn)} .indeterminate=${live(isPartly)} @click=${turn}
  /></label>`;

/** A press with Shift would mark the text in between as well. */
function keepText(event) {
  if (event.shiftKey) event.preventDefault();
}
