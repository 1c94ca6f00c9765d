// Real tables: a caption, headings with scope, sorting, a row of totals; cards on a narrow screen.

import { html, ifDefined, nothing, repeat, when } from "../html.js";
import { icon } from "./icons.js";

/**
 * `columns`: `{name, label, render(row), align?: "end", sort?: true, primary?: true, wide?: true, heading?, kind?}`.
 * The primary one heads the card on a narrow screen; wide ones are left out there. `heading` stands in the head in
 * place of the label. `open(row)` makes rows open something; `hrefOf(row)` gives the address that the primary cell
 * links to. `sorted`: `{name, down}`; `onsort(name)`. `total`: values by column name.
 */
export function table({
  caption,
  columns,
  rows,
  keyOf = (row) => row.id,
  open = null,
  hrefOf = null,
  sorted = null,
  onsort = null,
  total = null,
  rowTone = null,
}) {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${caption}>
    <table class="table">
      <caption class="visually-hidden">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => heading(column, sorted, onsort))}
        </tr>
      </thead>
      <tbody>
        ${repeat(
          rows,
          keyOf,
          (row) =>
            html`<tr
              data-key=${keyOf(row)}
              data-opens=${open !== null}
              data-tone=${ifDefined(rowTone?.(row) ?? undefined)}
              @click=${open ? (event) => openUnlessControl(event, () => open(row)) : nothing}>
              ${columns.map((column) => cell(column, row, { hrefOf, open }))}
            </tr>`,
        )}
      </tbody>
      ${when(
        total,
        () =>
          html`<tfoot>
            <tr>
              ${columns.map(
                (column, at) =>
                  html`<td
                    data-align=${column.align ?? "start"}
                    data-label=${column.label}
                    data-kind=${ifDefined(column.kind)}
                    data-wide=${Boolean(column.wide)}>
                    ${at === 0 && total[column.name] === undefined ? "Total" : (total[column.name] ?? "")}
                  </td>`,
              )}
            </tr>
          </tfoot>`,
      )}
    </table>
  </div>`;
}

function heading(column, sorted, onsort) {
  const isSorted = sorted?.name === column.name;
  const order = isSorted ? (sorted.down ? "descending" : "ascending") : column.sort ? "none" : undefined;
  return html`<th
    scope="col"
    data-align=${column.align ?? "start"}
    data-kind=${ifDefined(column.kind)}
    aria-sort=${ifDefined(order)}>
    ${column.sort && onsort ? sorter(column, order, onsort) : (column.heading ?? column.label)}
  </th>`;
}

function sorter({ name, label }, order, onsort) {
  return html`<button type="button" class="sort" @click=${() => onsort(name)}>
    ${label}<span class="sort-mark" data-order=${order}>${icon("down")}</span>
  </button>`;
}

function cell(column, row, { hrefOf, open }) {
  const content = column.render(row);
  const attributes = { align: column.align ?? "start", label: column.label };
  if (!column.primary) {
    return html`<td
      data-align=${attributes.align}
      data-label=${attributes.label}
      data-kind=${ifDefined(column.kind)}
      data-wide=${Boolean(column.wide)}>
      ${content}
    </td>`;
  }
  const href = hrefOf?.(row);
  const linked = href
    ? html`<a class="row-link" href=${href}>${content}</a>`
    : open
      ? html`<button type="button" class="row-link" @click=${() => open(row)}>${content}</button>`
      : content;
  return html`<th scope="row" data-align=${attributes.align} data-label=${attributes.label} data-primary>
    ${linked}
  </th>`;
}

/** A press anywhere in the row opens it, unless it was on something that does its own, or text is being selected. */
function openUnlessControl(event, open) {
  if (event.target.closest("a, button, input, select, label, summary, [data-kind=select]") || String(getSelection()))
    return;
  open();
}
