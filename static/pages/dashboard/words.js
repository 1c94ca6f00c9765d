// The dashboard in words: how figures compare with the time before, and what the first steps are. Pure.

import { bucketEnd } from "../../components/chart/buckets.js";
import { addDecimals } from "../../decimal.js";
import { count, duration, percent } from "../../format.js";

const WHOLE_MIN = 3;

/** What somebody or something is called; keys with whose they are, since many people call theirs alike. */
export const ownedName = ({ name, owner }) => (owner ? `${name} of ${owner}` : name);

/** How a figure compares with the time before: `+12 % on the 24 hours before`; null: there is nothing to compare. */
export function changeText(now, before, span) {
  const [a, b] = [Number(now), Number(before)];
  if (now === null || before === null || !Number.isFinite(a) || !Number.isFinite(b)) return null;
  if (a === b) return `as in the ${span} before`;
  if (b === 0) return `none in the ${span} before`;
  const share = (a - b) / b;
  return `${share > 0 ? "+" : "−"}${percent(Math.abs(share))} on the ${span} before`;
}

/** How many failed and were refused, and the rate of the time before, where there was one. */
export function failureNote(current, previous) {
  const before = previous.failure_rate === null ? "" : `, ${percent(previous.failure_rate)} before`;
  return `${count(current.failed)} failed${before}; ${count(current.refused)} refused`;
}

/** The slow end of the waits, and the middle of the time before, where there are any. */
export function waitNote({ first_byte_ms: now }, { first_byte_ms: before }) {
  if (now.p95 === null) return "Nothing was answered.";
  return `p95 ${duration(now.p95)}${before.p50 === null ? "" : `, p50 before ${duration(before.p50)}`}`;
}

/** `24 hours`, from "Last 24 hours"; `span` for any other. */
export function spanText({ text }) {
  return text.startsWith("Last ") ? text.replace("Last ", "") : "span";
}

/** The buckets that lie in the range as a whole: a part of one looks like a fall. All of them, where few are whole. */
export function wholeBuckets(data, { from, to }) {
  const first = from && Date.parse(from) > Date.parse(data.buckets[0]) ? 1 : 0;
  const end =
    data.buckets.length - (to && Date.parse(to) < Date.parse(bucketEnd(data, data.buckets.length - 1)) ? 1 : 0);
  if (end - first < WHOLE_MIN) return data;
  const cut = (values) => values.slice(first, end);
  return {
    ...data,
    buckets: cut(data.buckets),
    series: data.series.map((one) => ({ ...one, values: cut(one.values) })),
  };
}

/** Tokens of every kind together, without reasoning, which is a part of the output. */
export function allTokens(tokens) {
  return Object.entries(tokens)
    .filter(([name]) => name !== "reasoning")
    .reduce((sum, [, value]) => sum + value, 0);
}

/** The share that failed in each bucket of requests by outcome: null where nothing was relayed. */
export function failureShares(data, failed) {
  return data.buckets.map((_, at) => {
    const of = (wanted) =>
      data.series.filter(({ key }) => wanted(key)).reduce((sum, { values }) => sum + values[at], 0);
    const relayed = of((key) => key !== "refused");
    return relayed ? of((key) => failed.includes(key)) / relayed : null;
  });
}

/** Every bucket's sum over all series: decimal text for money. */
export function bucketTotals(data) {
  return data.buckets.map((_, at) =>
    data.series.reduce(
      (sum, { values }) => (typeof values[at] === "string" ? addDecimals(String(sum), values[at]) : sum + values[at]),
      0,
    ),
  );
}

/** The four steps to the first billed request, and which of them are done. */
export function firstSteps({ providers, models, users, hasUsage }) {
  const hasModel = models.length > 0 && (providers.length > 0 || models.some((model) => model.served));
  return [
    {
      name: "model",
      title: "Add a provider and a model",
      text: "Where requests go, and by which name clients ask for them.",
      isDone: hasModel,
      href: models.length || !providers.length ? "/ui/providers" : "/ui/models",
      action: providers.length ? "Add a model" : "Add a provider",
    },
    {
      name: "price",
      title: "Give it a price",
      text: "A model without a price is neither served nor listed.",
      isDone: models.some((model) => model.served),
      href: "/ui/models?view=unpriced",
      action: "Set a price",
    },
    {
      name: "user",
      title: "Create a user and top up",
      text: "Requests are paid from a user's balance.",
      isDone: users.some((user) => Number(user.balance) > 0 || Number(user.lifetime.spent) > 0),
      href: "/ui/users",
      action: "Create a user",
    },
    {
      name: "request",
      title: "Create a key and send a request",
      text: "The key is shown once; any OpenAI or Anthropic client takes it.",
      isDone: hasUsage,
      href: "/ui/keys",
      action: "Create a key",
    },
  ];
}
