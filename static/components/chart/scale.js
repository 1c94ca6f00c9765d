// From values to places: round ticks, and where a value stands on an axis. Pure.

const STEPS = [1, 2, 5, 10];

/** Round values from 0 to at least `max`, about `wanted` of them; `whole` ones only, for things that are counted. */
export function niceTicks(max, wanted = 4, { whole = false } = {}) {
  if (!(max > 0)) return [0, 1];
  const rough = max / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const found = STEPS.find((step) => step * power >= rough * 0.999_999) * power;
  const step = whole ? Math.max(1, Math.round(found)) : found;
  const steps = Math.max(1, Math.ceil(max / step - 1e-9));
  // Multiplied and cut to the step's own digits: adding would gather errors such as 0.30000000000000004.
  return Array.from({ length: steps + 1 }, (_, at) => Number((at * step).toFixed(digitsOf(step))));
}

function digitsOf(step) {
  return Math.min(20, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

/** A number as decimal text without an exponent, as the money formats take it. */
export function plainNumber(number) {
  const text = number.toFixed(12);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** `scale(value)` goes from 0…`max` to `from`…`to`. */
export function linear(max, from, to) {
  return (value) => from + (max > 0 ? value / max : 0) * (to - from);
}

/** Where bars stand: `width` is divided among `count` of them, with some air between. */
export function bands(count, from, width) {
  const step = count ? width / count : width;
  const air = Math.min(step * 0.28, 6);
  return {
    step,
    size: Math.max(1, step - air),
    start: (at) => from + at * step + air / 2,
    middle: (at) => from + (at + 0.5) * step,
  };
}

/** Which of `count` labels have room, when each needs `need` units and gets `step`: every n-th. */
export function spread(count, step, need) {
  const each = Math.max(1, Math.ceil(need / Math.max(step, 0.001)));
  return Array.from({ length: count }, (_, at) => at).filter((at) => at % each === 0);
}
