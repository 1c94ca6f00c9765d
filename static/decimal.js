// Dollars and prices as the server says them: decimal text, never a float.
//
// A decimal is kept as a BigInt of units and how many digits follow the point, so sums and comparisons are exact.

const FORM = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** Parse decimal text. Throws RangeError for anything else, an exponent too. */
export function parseDecimal(text) {
  const match = FORM.exec(String(text).trim());
  if (!match) throw new RangeError(`${text} is not a decimal number`);
  const [, sign, whole, fraction = ""] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === "-" ? -units : units, scale: fraction.length };
}

/** Whether text is a decimal number as the API takes it. */
export function isDecimal(text) {
  return FORM.test(String(text).trim());
}

function align(a, b) {
  const scale = Math.max(a.scale, b.scale);
  const lift = (d) => d.units * 10n ** BigInt(scale - d.scale);
  return [lift(a), lift(b), scale];
}

export function addDecimals(...texts) {
  const sum = texts.map(parseDecimal).reduce(
    (a, b) => {
      const [x, y, scale] = align(a, b);
      return { units: x + y, scale };
    },
    { units: 0n, scale: 0 },
  );
  return decimalText(sum);
}

export function subtractDecimals(a, b) {
  const [x, y, scale] = align(parseDecimal(a), parseDecimal(b));
  return decimalText({ units: x - y, scale });
}

/** So many times the same. */
export function timesDecimal(text, times) {
  const { units, scale } = parseDecimal(text);
  return decimalText({ units: units * BigInt(times), scale });
}

/** Below zero, zero or above zero, as `a` is less than, equal to or more than `b`. */
export function compareDecimals(a, b) {
  const [x, y] = align(parseDecimal(a), parseDecimal(b));
  return x < y ? -1 : x > y ? 1 : 0;
}

/** As text without needless zeros. */
export function decimalText({ units, scale }) {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale ? digits.slice(-scale).replace(/0+$/, "") : "";
  const text = fraction ? `${whole}.${fraction}` : whole;
  return negative && units !== 0n ? `-${text}` : text;
}

/** The nearest with so many digits after the point, halves away from zero; always with that many digits. */
export function roundDecimal(text, places) {
  const { units, scale } = parseDecimal(text);
  let rounded = units;
  if (scale > places) {
    const step = 10n ** BigInt(scale - places);
    const half = step / 2n;
    rounded = (units < 0n ? units - half : units + half) / step;
  } else {
    rounded = units * 10n ** BigInt(places - scale);
  }
  const negative = rounded < 0n;
  const digits = (negative ? -rounded : rounded).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places) || "0";
  return `${negative ? "-" : ""}${whole}${places ? `.${digits.slice(-places)}` : ""}`;
}

/** A JavaScript number, for drawing only. */
export function roughly(text) {
  return Number(text);
}
