// A user's own house: what is left, what it goes on, and what to do when it is gone.

import { get, withQuery } from "../api.js";
import { pageHead } from "../components/bits.js";
import { chart, spanOf } from "../components/chart.js";
import { Resource, emptyState, show, skeletonRows } from "../components/resource.js";
import { freshness, refreshing } from "../components/time-range.js";
import { startOfDay, startOfDaysAgo, startOfMonth } from "../days.js";
import { money } from "../format.js";
import { html } from "../html.js";
import { preferences } from "../preferences.js";
import { keySpending } from "./me/key-spending.js";
import { balanceNotice, limitNotice } from "./me/notice.js";
import { recentRequests } from "./me/recent.js";
import { standing } from "./me/standing.js";
import { statementLines } from "./me/statement.js";

const DAYS = 30;
const RECENT = 10;
const LINES = 5;
const LEAD = "What is left, what it was spent on, and the receipts.";
const BALANCE_SKELETON = html`<div class="panel">${skeletonRows(5)}</div>`;

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
      html`${pageHead("Balance", { lead: LEAD, actions: freshness({ ...shown(balance), load }) })}
        ${show(balance, { data: house, skeleton: BALANCE_SKELETON })}
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
          ${show(recent, { data: recentRequests, isEmpty: ({ data }) => !data.length, empty: noRequests() })}
        </section>`,
    );

  const house = (data) => {
    const notices = [
      balanceNotice(data.balance, today.data?.days_left, data.lifetime.spent),
      limitNotice(data, zone()),
    ];
    return [...notices.filter(Boolean).map(panel), standing(data, { today, month })];
  };

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

const panel = ({ tone, title, lines }) =>
  html`<section class="panel notice" data-tone=${tone} aria-label=${title}>
    <h2>${title}</h2>
    <dl>
      ${lines.map(
        ([heading, sentence]) =>
          html`<div>
            <dt>${heading}</dt>
            <dd>${sentence}</dd>
          </div>`,
      )}
    </dl>
  </section>`;

const noRequests = () =>
  emptyState({
    title: "No requests yet",
    text: "Point a client at this proxy, or try a model right here.",
    action: html`<a class="button" data-kind="primary" href="/ui/me/connect">Connect a client</a
      ><a class="button" href="/ui/playground">Open the playground</a>`,
  });
