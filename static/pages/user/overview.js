// A user at a glance: the balance, how fast it goes, on which models.

import { get, withQuery } from "../../api.js";
import { amount, at, facts, quantity, tile, timeAgo } from "../../components/bits.js";
import { chart, spanOf } from "../../components/chart.js";
import { spendMeter } from "../../components/meter.js";
import { Resource, show as states, skeletonRows } from "../../components/resource.js";
import { compareDecimals } from "../../decimal.js";
import { count, exactMoney, money } from "../../format.js";
import { html, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { HOW, burnText, daysText, isRunningLow, paceText } from "../../pace.js";
import { readRange, spentRange } from "../../range.js";
import { limitName } from "../keys/limits.js";

export function overviewTab({ id, signal, user, draw }) {
  let range = null;
  const spend = new Resource(
    { signal },
    (stop) => {
      range = readRange(new URLSearchParams("range=30d"), Date.now());
      return get(
        withQuery("/api/admin/stats/timeseries", {
          user_id: id,
          from: range.from,
          to: range.to,
          metric: "cost",
          group_by: "model",
          interval: "day",
          tz: preferences.zone,
        }),
        { signal: stop },
      );
    },
    draw,
  );

  const behind = (bucket, series) => {
    if (series && series.key === null) return null;
    const span = bucket === null ? range : spanOf(spend.data, bucket, bucket, range);
    return withQuery("/ui/requests", { user_id: id, model: series?.key, from: span.from, to: span.to });
  };
  const bars = (data) => chart({ title: "Spend by model, 30 days", kind: "bars", data, format: money, hrefOf: behind });
  return {
    load: () => spend.load(),
    template: () =>
      html`${tiles(user())}
        <div class="panel">${states(spend, { skeleton: skeletonRows(6), data: bars })}</div>
        ${limit(user())}
        <div class="panel">
          <h2>All time</h2>
          ${lifetime(user())}
        </div>`,
  };
}

function tiles(user) {
  const isOut = compareDecimals(user.balance, "0") <= 0;
  const requests = (days) => withQuery("/ui/requests", { user_id: user.id, ...spentRange(days, Date.now()) });
  const all = [
    {
      label: "Balance",
      value: amount(user.balance),
      note: exactMoney(user.balance),
      href: `/ui/users/${user.id}?tab=statement`,
      tone: isOut ? "bad" : null,
    },
    {
      label: "Lasts",
      value: daysText(user.days_left),
      note:
        user.days_left === null
          ? "nothing spent, last 7 days"
          : html`<span title=${HOW}>at the pace of the ${paceText(user)}</span>`,
      tone: isRunningLow(user) ? "bad" : null,
    },
    { label: "Burn", value: burnText(user), note: `a day, ${paceText(user)}`, href: requests(7) },
    {
      label: "Spent, 30 days",
      value: amount(user.spent_30d),
      note: exactMoney(user.spent_30d),
      href: requests(30),
    },
    {
      label: "Active keys",
      value: count(user.keys),
      note: user.last_used_at ? html`last used ${timeAgo(user.last_used_at)}` : "never used",
      href: `/ui/users/${user.id}?tab=keys`,
    },
  ];
  return html`<div class="tiles">${all.map(tile)}</div>`;
}

/** How far the limit of all keys together is used up; nothing where there is none. */
const limit = (user) =>
  when(
    user.spend_limit,
    () =>
      html`<section class="panel stack tight">
        <h2>${capital(limitName(user))}</h2>
        ${spendMeter(user)}
      </section>`,
  );

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function lifetime({ lifetime: sums, created_at: created }) {
  return facts([
    ["Spent", html`${amount(sums.spent)} <span class="quiet">${exactMoney(sums.spent)}</span>`],
    ["Charged requests", quantity(sums.requests)],
    ["Input tokens", quantity(sums.input_tokens)],
    ["Output tokens", quantity(sums.output_tokens)],
    ["Created", at(created)],
  ]);
}
