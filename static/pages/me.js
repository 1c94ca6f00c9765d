// A user's own house: what is left, what it goes on, and what to do when it is gone.

import { get, withQuery } from "../api.js";
import { amount, pageHead, quantity, tile } from "../components/bits.js";
import { chart, spanOf } from "../components/chart.js";
import { Resource, emptyState, show, skeletonRows } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { exact } from "../components/receipt-lines.js";
import { compareDecimals, roundDecimal } from "../decimal.js";
import { startOfDay, startOfDaysAgo, startOfMonth } from "../days.js";
import { exactMoney, money, plural } from "../format.js";
import { html, when } from "../html.js";
import { preferences } from "../preferences.js";
import { keySpending } from "./me/key-spending.js";
import { balanceNotice, daysText } from "./me/notice.js";
import { recentRequests } from "./me/recent.js";
import { statementLines } from "./me/statement.js";

const DAYS = 30;
const RECENT = 10;
const LINES = 5;

export default function me({ signal, draw }) {
  const zone = () => preferences.zone;
  const draws = () => page();
  const resource = (path) =>
    new Resource({ signal }, (aborted) => get(typeof path === "function" ? path() : path, { signal: aborted }), draws);
  const since = (start) => () => withQuery("/api/user/stats/summary", { from: start(Date.now(), zone()) });
  const monthAgo = () => startOfDaysAgo(Date.now(), zone(), DAYS - 1);

  const balance = resource("/api/user/balance");
  const today = resource(since(startOfDay));
  const month = resource(since(startOfMonth));
  const models = resource(() =>
    withQuery("/api/user/stats/timeseries", {
      metric: "cost",
      group_by: "model",
      interval: "day",
      from: monthAgo(),
      tz: zone(),
    }),
  );
  const keys = resource(() => withQuery("/api/user/stats/top", { by: "key", metric: "cost", from: monthAgo() }));
  const recent = resource(`/api/user/usage?limit=${RECENT}`);
  const statement = resource(`/api/user/statement?limit=${LINES}`);
  const all = [balance, today, month, models, keys, recent, statement];
  const load = () => all.forEach((one) => one.load());

  const page = () =>
    draw(
      html`${pageHead("Balance", { lead: "What is left, what it was spent on, and the receipts.", actions: freshness({ ...shown(balance), load }) })}
        ${show(balance, { data: (data) => [notice(data, today.data), standing(data)], skeleton: html`<div class="panel">${skeletonRows(5)}</div>` })}
        <section class="panel" aria-label="Spend by model">${show(models, { data: byModel })}</section>
        <div class="columns">
          <section class="stack tight">
            <h2>Spend by key, ${DAYS} days</h2>
            ${show(keys, { data: (data) => keySpending(data, monthAgo()) })}
          </section>
          <section class="stack tight">
            <h2>Statement</h2>
            ${show(statement, { data: statementLines })}
          </section>
        </div>
        <section class="stack tight">
          <div class="toolbar">
            <h2>Last requests</h2>
            <a class="push" href="/ui/me/usage">All of them</a>
          </div>
          ${show(recent, {
            data: recentRequests,
            isEmpty: ({ data }) => !data.length,
            empty: emptyState({
              title: "No requests yet",
              text: "Point a client at this proxy, or try a model right here.",
              action: html`<a class="button" data-kind="primary" href="/ui/me/connect">Connect a client</a
                ><a class="button" href="/ui/playground">Open the playground</a>`,
            }),
          })}
        </section>`,
    );

  const notice = (data, summary) =>
    when(
      balanceNotice(data.balance, summary?.days_left, data.lifetime.spent),
      ({ tone, title, lines }) =>
        html`<section class="panel notice" data-tone=${tone} aria-labelledby="notice-title">
          <h2 id="notice-title">${title}</h2>
          <dl>
            ${lines.map(
              ([heading, sentence]) =>
                html`<div>
                  <dt>${heading}</dt>
                  <dd>${sentence}</dd>
                </div>`,
            )}
          </dl>
        </section>`,
    );

  const standing = ({ balance: left, lifetime }) =>
    html`<section class="standing" aria-label="Balance">
      <div class="tile standing-balance">
        <span class="tile-label">Balance</span
        ><span class="tile-value" title=${exactMoney(left)}>${amount(left)}</span>
        ${when(isRounded(left), () => html`<span class="tile-note">exactly ${exact(left)}</span>`)}<span
          class="tile-note"
          >${pace(today)}</span
        >
      </div>
      <div class="tiles">
        ${spent("Spent today", today, startOfDay)}${spent("Spent this month", month, startOfMonth)}
        ${tile({ label: "Spent in all", value: amount(lifetime.spent), note: plural(lifetime.requests, "request"), href: "/ui/me/usage" })}
        ${tile({
          label: "Tokens in all",
          value: quantity(lifetime.input_tokens + lifetime.output_tokens),
          note: html`${quantity(lifetime.input_tokens)} in, ${quantity(lifetime.output_tokens)} out`,
        })}
      </div>
    </section>`;

  const spent = (label, one, start) =>
    tile({
      label,
      value: one.data ? amount(one.data.current.cost) : "–",
      note: one.data ? plural(one.data.current.requests, "request") : one.error ? "cannot be read now" : "",
      href: withQuery("/ui/me/usage", { from: start(Date.now(), zone()) }),
    });

  const byModel = (data) =>
    chart({
      title: `Spend by model, ${DAYS} days`,
      kind: "bars",
      data,
      format: money,
      hrefOf: (bucket, series) =>
        series && series.key === null
          ? null
          : withQuery("/ui/me/usage", {
              ...(bucket === null ? { from: data.buckets[0] } : spanOf(data, bucket, bucket)),
              model: series?.key,
            }),
    });

  page();
  load();
  refreshing(signal, load);
  // Days begin elsewhere in another zone.
  preferences.addEventListener("change", load, { signal });
}

const shown = ({ loadedAt, isLoading }) => ({ loadedAt, isLoading });

/** Whether it is shown with two digits after the point, and these do not say all of it. Less than a cent has more. */
const isRounded = (text) =>
  compareDecimals(text.replace("-", ""), "0.01") >= 0 && compareDecimals(text, roundDecimal(text, 2)) !== 0;

function pace({ data }) {
  if (!data) return "";
  if (data.days_left === null) return "Nothing was spent in the last 7 days.";
  return data.days_left <= 0
    ? "Top up to go on."
    : `Lasts ${data.days_left > 365 ? "" : "about "}${daysText(data.days_left)} at the pace of the last 7 days.`;
}
