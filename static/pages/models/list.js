// The table of models: what each is called, whether it is served and by whom, what it costs, how it does.

import { withQuery } from "../../api.js";
import { badge, quantity } from "../../components/bits.js";
import { icon } from "../../components/icons.js";
import { table } from "../../components/table.js";
import { placeText, stateBadge } from "../../documents/marks.js";
import { compact, percent } from "../../format.js";
import { html, when } from "../../html.js";
import { GRID } from "./price-grid.js";
import { isUnpriced, upstreamsOf } from "./filters.js";

const HEADS = { input: "Input", output: "Output", cached_input: "Cached", cache_write: "Cache write" };
const FAILING = 0.05;

export function modelTable(rows, { grid, usage, switchOf, sorted, onsort, open, hrefOf, makeFree }) {
  const prices = GRID.map((name) => ({
    name,
    label: HEADS[name],
    align: "end",
    sort: name === "input" || name === "output",
    render: (row) => grid.cell(row, name),
  }));
  return table({
    caption: "Models, prices in US dollars per 1M tokens",
    rows,
    keyOf: (row) => row.key,
    open,
    hrefOf,
    sorted,
    onsort,
    rowTone: (row) => (row.enabled ? null : "quiet"),
    columns: [
      {
        name: "name",
        label: "Model",
        primary: true,
        sort: true,
        render: (row) => html`${row.display_name ?? row.key}${names(row)}`,
      },
      {
        name: "status",
        label: "Served",
        render: (row) =>
          html`<div class="served">${switchOf(row)}<span>${status(row, makeFree)}${grid.status(row)}</span></div>`,
      },
      { name: "upstream", label: "Upstream", wide: true, render: upstreamCell },
      ...prices,
      { name: "requests", label: "Requests 24 h", align: "end", sort: true, render: (row) => usageCell(usage(row)) },
      {
        name: "file",
        label: "File",
        render: (row) =>
          html`${stateBadge(row.registry?.state)}<span class="sub">${placeText(row.registry?.place)}</span>`,
      },
    ],
  });
}

/** Its other names, and how much it reads. */
function names(row) {
  const { context_window: window } = row.limits ?? {};
  const others = [...(row.key === row.display_name ? [] : [row.key]), ...(row.aliases ?? [])];
  const said = [others.join(", "), window ? `${compact(window)} context` : ""].filter(Boolean).join(" · ");
  return said ? html`<span class="sub">${said}</span>` : "";
}

/** Served, or why not; and for one without a price, the way out. */
function status(row, makeFree) {
  if (row.served) return html`<span class="visually-hidden">Served</span>`;
  if (!row.enabled) return html`<span class="quiet">Disabled</span>`;
  if (!isUnpriced(row)) return html`${badge("Not served", "bad", "error")}<span class="sub">${row.reason}</span>`;
  return html`${badge("Needs price", "warn", "warning")}<button
      type="button"
      class="link"
      @click=${() => makeFree(row)}>
      It is free
    </button>`;
}

function providerName({ provider, api_url: url }) {
  if (!provider) return html`<span title=${url ?? ""}>own address</span>`;
  return html`<a href=${withQuery("/ui/providers", { open: provider })}>${provider}</a>`;
}

function upstreamCell(row) {
  const upstreams = upstreamsOf(row);
  const rank = ({ enabled = true, priority = 0 }) => [enabled ? 0 : 1, priority];
  const [first] = [...upstreams].sort((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1]);
  const more = upstreams.length - 1;
  return html`<span class="upstream-cell"
    >${providerName(first)}
    ${when(more, () => html`<span class="quiet" title=${upstreams.map(({ key }) => key).join(", ")}>+${more}</span>`)}
    ${first.actual_model ? html`<span class="sub" title=${first.actual_model}>${first.actual_model}</span>` : ""}</span
  >`;
}

function usageCell(usage) {
  if (!usage) return html`<span class="quiet">–</span>`;
  const href = withQuery("/ui/requests", { model: usage.names, range: "24h" });
  const share = usage.requests ? usage.failed / usage.requests : 0;
  return html`<a class="plain" href=${href}>${quantity(usage.requests)}</a>${when(usage.failed, () => failed(share))}`;
}

function failed(share) {
  const isMuch = share > FAILING;
  return html`<span class="sub nowrap" data-tone=${isMuch ? "bad" : "quiet"}
    >${isMuch ? icon("warning") : ""}${percent(share)} failed</span
  >`;
}
