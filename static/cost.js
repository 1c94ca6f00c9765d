// What tokens cost at a price per million: exact, as the server charges. Pure.

import { addDecimals, decimalText, parseDecimal } from "./decimal.js";

/** The dimensions of a prompt: together they decide on the tier. */
export const PROMPT = ["input", "cached_input", "cache_write", "cache_write_1h"];
export const DIMENSIONS = [...PROMPT, "output"];
const MILLION_DIGITS = 6;

/** Dollars for so many tokens, as decimal text with every digit. */
export function amountOf(tokens, rate) {
  const { units, scale } = parseDecimal(rate);
  return decimalText({ units: units * BigInt(tokens), scale: scale + MILLION_DIGITS });
}

/** The threshold whose rates a prompt of so many tokens has, of `pricing.tiers`; null: those of the price itself. */
export function tierOf(pricing, promptTokens) {
  const exceeded = Object.keys(pricing.tiers ?? {})
    .map(Number)
    .filter((threshold) => promptTokens > threshold);
  return exceeded.length ? Math.max(...exceeded) : null;
}

/** A bill as a receipt has it: `{tier, lines: [{dimension, tokens, price, amount}], cost}`. `tokens` by dimension. */
export function billOf(tokens, pricing) {
  const tier = tierOf(
    pricing,
    PROMPT.reduce((sum, name) => sum + (tokens[name] ?? 0), 0),
  );
  const rates = tier === null ? pricing : pricing.tiers[tier];
  const lines = DIMENSIONS.filter((name) => tokens[name]).map((dimension) => ({
    dimension,
    tokens: tokens[dimension],
    price: rates[dimension],
    amount: amountOf(tokens[dimension], rates[dimension]),
  }));
  return { tier, lines, cost: addDecimals("0", ...lines.map(({ amount }) => amount)) };
}
