// The figures on top: each with the time before, a line of how it went, and the requests behind it.

import { amount, quantity, tile } from "../../components/bits.js";
import { sparkline } from "../../components/chart.js";
import { compact, count, duration, money, percent, plural } from "../../format.js";
import { html } from "../../html.js";
import { FAILED } from "../requests/filters.js";
import {
  allTokens,
  bucketTotals,
  changeText,
  failureNote,
  failureShares,
  spanText,
  waitNote,
  wholeBuckets,
} from "./words.js";

/**
 * `series`: the answers of timeseries by name, each undefined while it is not there. `requests(changes)` gives
 * addresses.
 */
export function tiles({ current, previous, outstanding_balance: outstanding, users }, { range, series, requests }) {
  const span = spanText(range);
  const whole = (data) => data && wholeBuckets(data, range);
  const [cost, outcomes, tokens, waits] = [series.cost, series.outcomes, series.tokens, series.waits].map(whole);
  const cached = current.tokens.cached_input;
  return html`<div class="tiles six">
    ${tile({
      label: "Charged",
      value: amount(current.cost),
      note: changeText(current.cost, previous.cost, span) ?? "",
      href: requests({}),
      extra: line(cost && bucketTotals(cost), `Charged over time, ${money(current.cost)} in all`),
    })}
    ${tile({
      label: "Requests",
      value: quantity(current.requests),
      note: changeText(current.requests, previous.requests, span) ?? "",
      href: requests({}),
      extra: line(outcomes && bucketTotals(outcomes), `Requests over time, ${count(current.requests)} in all`),
    })}
    ${tile({
      label: "Tokens",
      value: quantity(allTokens(current.tokens)),
      href: requests({}),
      note: `${compact(current.tokens.input)} in, ${compact(current.tokens.output)} out, ${compact(cached)} cached`,
      extra: line(tokens && bucketTotals(tokens), "Tokens over time"),
    })}
    ${tile({
      label: "Failure rate",
      value: percent(current.failure_rate),
      href: requests({ outcome: FAILED }),
      note: failureNote(current, previous),
      extra: line(outcomes && failureShares(outcomes, FAILED), "Failure rate over time"),
    })}
    ${tile({
      label: "Time to first token",
      value: duration(current.first_byte_ms.p50),
      href: requests({}),
      note: waitNote(current, previous),
      extra: line(waits?.series[0]?.values, "Median time to first token over time"),
    })}
    ${tile({
      label: "Outstanding balance",
      value: amount(outstanding),
      href: "/ui/users",
      note: `of ${plural(users.total, "user")}, ${count(users.at_or_below_zero)} out of money`,
    })}
  </div>`;
}

function line(values, label) {
  return html`<span class="tile-line">${values?.length ? sparkline(values, label) : ""}</span>`;
}
