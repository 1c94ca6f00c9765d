// The balance, large, and beside it what was spent: every figure counts charged requests, so they can be compared.

import { withQuery } from "../../api.js";
import { amount, quantity, tile } from "../../components/bits.js";
import { exact } from "../../components/receipt-lines.js";
import { startOfDay, startOfMonth } from "../../days.js";
import { compareDecimals, roundDecimal } from "../../decimal.js";
import { exactMoney, plural } from "../../format.js";
import { html, when } from "../../html.js";
import { preferences } from "../../preferences.js";
import { HOW, daysText, paceText } from "../../pace.js";

/** `today` and `month`: resources of summaries since the beginning of each. */
export function standing({ balance, lifetime }, { today, month }) {
  return html`<section class="standing" aria-label="Balance">
    <div class="tile standing-balance">
      <span class="tile-label">Balance</span
      ><span class="tile-value" title=${exactMoney(balance)}>${amount(balance)}</span>
      ${when(isRounded(balance), () => html`<span class="tile-note">exactly ${exact(balance)}</span>`)}<span
        class="tile-note"
        >${pace(today)}</span
      >
    </div>
    <div class="tiles">
      ${spentSince("Spent today", today, startOfDay)}${spentSince("Spent this month", month, startOfMonth)}
      ${tile({ label: "Spent in all", value: amount(lifetime.spent), note: charged(lifetime.requests) })}
      ${tile({
        label: "Tokens in all",
        value: quantity(lifetime.input_tokens + lifetime.output_tokens),
        note: html`${quantity(lifetime.input_tokens)} in, ${quantity(lifetime.output_tokens)} out`,
      })}
    </div>
  </section>`;
}

const charged = (number) => plural(number, "charged request");

function spentSince(label, { data, error }, start) {
  return tile({
    label,
    value: data ? amount(data.current.cost) : "–",
    note: data ? charged(data.current.charged) : error ? "cannot be read now" : "",
    href: withQuery("/ui/me/usage", { from: start(Date.now(), preferences.zone) }),
  });
}

/** Whether it is shown with two digits after the point that do not say all of it. Less than a cent has more. */
const isRounded = (text) =>
  compareDecimals(text.replace("-", ""), "0.01") >= 0 && compareDecimals(text, roundDecimal(text, 2)) !== 0;

function pace({ data }) {
  if (!data) return "";
  if (data.days_left === null) return "Nothing was spent in the last 7 days.";
  if (data.days_left <= 0) return "Top up to go on.";
  return html`<span title=${HOW}>Lasts ${daysText(data.days_left)} at the pace of the ${paceText(data)}.</span>`;
}
