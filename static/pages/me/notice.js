// What to say first when the money is gone or nearly so, or a limit is reached. Pure.

import { compareDecimals } from "../../decimal.js";
import { moment, money } from "../../format.js";
import { daysText, isRunningLow } from "../../pace.js";

const PERIODS = { day: "a day", week: "a week", month: "a month" };

/**
 * `{tone, title, lines: [[heading, sentence]]}`, or null while there is nothing to say. `daysLeft` null: not known.
 * `spent`: in all.
 */
export function balanceNotice(balance, daysLeft, spent = null) {
  const sign = compareDecimals(balance, "0");
  if (sign <= 0) {
    const isNew = sign === 0 && spent !== null && compareDecimals(spent, "0") === 0;
    return { tone: "bad", ...(sign < 0 ? belowZero(balance) : isNew ? NEW : USED_UP) };
  }
  if (!isRunningLow({ days_left: daysLeft })) return null;
  return {
    tone: "warn",
    title: `About ${daysText(daysLeft)} left at this pace`,
    lines: [
      ["What to do", "Ask for a top-up soon. At zero, new requests are refused with status 402 until there is one."],
    ],
  };
}

const WAY_OUT = [
  [
    "What still works",
    "These pages: every request with its receipt, the prices, your keys. The list of models, too." +
      " New requests are refused with status 402, and refused requests cost nothing.",
  ],
  [
    "What to do",
    "Ask whoever gave you the key for a top-up. Your keys work again at once after it;" +
      " nothing needs to be set up anew.",
  ],
];
const happened = (sentence) => [["What happened", sentence], ...WAY_OUT];

const USED_UP = { title: "Your balance is used up", lines: happened("Everything that was put in has been used.") };
const NEW = {
  title: "There is no money yet",
  lines: happened("Nothing was spent so far, and there is nothing to spend from."),
};
const belowZero = (balance) => ({
  title: `Your balance is below zero: ${money(balance)}`,
  lines: happened(
    "The last answer cost more than was left. What one costs is known only when it ends," +
      " so the last one may go below zero.",
  ),
});

/** The notice where the key in use, or the account, may spend no more of what there is. `zone`: of the times said. */
export function limitNotice({ key, limits }, zone) {
  const [whose, reached] =
    [
      ["Your account", limits],
      ["This key", key],
    ].find(([, one]) => isReached(one)) ?? [];
  if (!reached) return null;
  const { spend_limit: limit, spend_period: period, spend_status: status } = reached;
  const resets = status.resets_at && `${moment(status.resets_at, zone).slice(0, -3)} ${zone}`;
  return {
    tone: "bad",
    title: `${whose} has reached its spend limit`,
    lines: [
      [
        "What happened",
        `It may spend ${money(limit)} ${PERIODS[period] ?? "in all"}, and has spent ${money(status.spent)}.` +
          " New requests with it are refused with status 402, and refused requests cost nothing.",
      ],
      [
        "What to do",
        resets
          ? `Wait: it works again at ${resets}. Whoever gave you the key can raise the limit before.`
          : "Ask whoever gave you the key for a higher limit.",
      ],
    ],
  };
}

const isReached = ({ spend_status: status }) => Boolean(status) && compareDecimals(status.left, "0") <= 0;
