// What this key may call and what it costs: prices per million tokens, a calculator, and what was used of each.

import { get, withQuery } from "../api.js";
import { amount, badge, pageHead, quantity, rate } from "../components/bits.js";
import { Dialog } from "../components/dialog.js";
import { ListResource, Resource, emptyState, show } from "../components/resource.js";
import { table } from "../components/table.js";
import { startOfDaysAgo } from "../days.js";
import { readModels } from "../endpoints.js";
import { compact, plural } from "../format.js";
import { html } from "../html.js";
import { preferences } from "../preferences.js";
import { modelDrawer } from "./me/model-drawer.js";
import { noModels } from "./me/no-models.js";

const LEAD = "Dollars per 1,000,000 tokens. A request costs its tokens times these prices, to the last digit.";
const DAYS = 30;
const USED_MAX = 100;

export default function meModels({ query, signal, router, draw }) {
  const page = () => {
    draw(view());
    drawDrawer();
  };
  const from = startOfDaysAgo(Date.now(), preferences.zone, DAYS - 1);
  const models = new ListResource(
    { signal },
    ({ signal: aborted }) => get("/api/user/models", { signal: aborted }),
    () => page(),
  );
  const reach = new Resource(
    { signal },
    async (aborted) =>
      new Map(
        readModels(await get("/api/user/connect", { signal: aborted })).map(({ name, endpoints }) => [name, endpoints]),
      ),
    () => page(),
  );
  const used = new Resource(
    { signal },
    async (aborted) => {
      const { data } = await get(
        withQuery("/api/user/stats/top", { by: "model", metric: "cost", from, limit: USED_MAX }),
        { signal: aborted },
      );
      return new Map(data.map((row) => [row.key, row]));
    },
    () => page(),
  );
  const drawer = new Dialog({ kind: "drawer", signal, onclose: () => router.setQuery({ open: null }) });

  const wanted = () => (query().get("q") ?? "").trim().toLowerCase();
  const hrefOf = ({ name }) => withQuery("/ui/me/models", { q: query().get("q"), open: name });
  const matching = () => models.rows.filter(({ name }) => name.toLowerCase().includes(wanted()));

  const view = () =>
    html`${pageHead("Models and prices", { lead: LEAD })}
      <div class="toolbar">
        <label class="filter"
          >Find
          <input
            type="search"
            data-filter
            placeholder="Name of a model"
            .value=${query().get("q") ?? ""}
            @input=${(event) => router.setQuery({ q: event.target.value }, { replace: true })}
        /></label>
        <span class="quiet" role="status">${models.data ? found() : ""}</span>
      </div>
      ${show(models, {
        data: rows,
        isEmpty: () => !models.rows.length,
        empty: noModels("cube"),
      })}`;

  const found = () => plural(matching().length, "model") + (wanted() ? ` of ${models.rows.length}` : "");
  const rows = () =>
    matching().length
      ? table({
          caption: "Models and prices per 1M tokens",
          rows: matching(),
          keyOf: ({ name }) => name,
          hrefOf,
          open: (row) => router.go(hrefOf(row)),
          columns: [
            {
              name: "name",
              label: "Model",
              primary: true,
              render: ({ name, pricing }) => html`${name}${pricing.free ? html` ${badge("free", "good")}` : ""}`,
            },
            ...[
              ["input", "Input"],
              ["cached_input", "Cached input"],
              ["cache_write", "Cache write"],
              ["output", "Output"],
            ].map(([name, label]) => ({
              name,
              label,
              align: "end",
              wide: name === "cache_write",
              render: ({ pricing }) => priceCell(pricing, name),
            })),
            {
              name: "context",
              label: "Context",
              align: "end",
              wide: true,
              render: (model) => quantity(model.context_window),
            },
            { name: "endpoints", label: "Endpoints", wide: true, render: ({ name }) => endpoints(name) },
            { name: "used", label: `Used by you, ${DAYS} d`, align: "end", render: ({ name }) => usedBy(name) },
          ],
        })
      : emptyState({
          iconName: "search",
          title: "No model is called that",
          text: `${plural(models.rows.length, "model")} are hidden by what you typed.`,
          action: html`<a class="button" href="/ui/me/models">Show all models</a>`,
        });

  const endpoints = (name) =>
    html`<span class="badges">${(reach.data?.get(name) ?? []).map((one) => badge(one))}</span>`;
  const usedBy = (name) => {
    const row = used.data?.get(name);
    if (!row) return html`<span class="quiet">–</span>`;
    return html`<a href=${withQuery("/ui/me/usage", { model: name, from })}>${amount(row.cost)}</a
      ><span class="sub">${plural(row.requests, "request")}</span>`;
  };

  function drawDrawer() {
    const name = query().get("open");
    const model = name && models.rows.find((one) => one.name === name);
    if (!model) return drawer.isOpen && drawer.close();
    return drawer.show(
      model.name,
      modelDrawer(model, { endpoints: reach.data?.get(name) ?? null, used: used.data?.get(name) ?? null, from }),
    );
  }

  page();
  for (const one of [models, reach, used]) one.load();
  return { onquery: page };
}

/** The price, and under it what it is for long prompts. */
function priceCell(pricing, name) {
  const tiers = Object.entries(pricing.tiers ?? {});
  const above = ([threshold, rates]) =>
    html`<span class="sub">${rate(rates[name])} above ${compact(Number(threshold))}</span>`;
  return html`${rate(pricing[name])}${tiers.map(above)}`;
}
