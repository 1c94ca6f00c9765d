// A document as the fragment of models.yaml that says it.

const WIDTH = 120;
const PLAIN = /^[A-Za-z0-9][\w./@+-]*( [\w./@+-]+)*$/;
const WORDS = /^(true|false|null|yes|no|on|off|~)$/i;
const NUMBER = /^[-+]?[\d.]+(e[-+]?\d+)?$/i;

/** `models:` with the one key in it. `section`: "models" or "providers". */
export function renderFragment(section, key, document) {
  return `${section}:\n  ${scalar(key)}:\n${table(document, 4)}`;
}

function table(values, indent, isPricing = false) {
  return Object.entries(values)
    .map(([name, value]) => entry(name, value, indent, isPricing || name === "pricing"))
    .join("");
}

/** Prices and thresholds are numbers in the file; other texts that look like numbers are quoted. */
function entry(name, value, indent, isPricing) {
  const plain = isPricing ? String : scalar;
  const head = `${" ".repeat(indent)}${plain(name)}:`;
  if (Array.isArray(value)) return `${head} [${value.map(scalar).join(", ")}]\n`;
  if (typeof value === "object" && value !== null)
    return `${head}${flow(value, plain, head) ?? `\n${table(value, indent + 2, isPricing)}`}`;
  if (typeof value === "string" && value.includes("\n")) return block(head, value, indent + 2);
  return `${head} ${plain(value)}\n`;
}

/** The values of a small table on one line, or null. */
function flow(values, plain, head) {
  const isFlat = Object.values(values).every((below) => typeof below !== "object" && !String(below).includes("\n"));
  const line = isFlat
    ? ` {${Object.entries(values)
        .map(([field, below]) => `${plain(field)}: ${plain(below)}`)
        .join(", ")}}\n`
    : "";
  return line && head.length + line.length <= WIDTH ? line : null;
}

function block(head, text, indent) {
  const ending = text.endsWith("\n") ? (text.endsWith("\n\n") ? "+" : "") : "-";
  const hint = /^[ \n]/.test(text) ? "2" : "";
  const lines = text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => (line ? " ".repeat(indent) + line : ""));
  return `${head} |${hint}${ending}\n${lines.join("\n")}\n`;
}

function scalar(value) {
  if (typeof value !== "string") return String(value);
  const isPlain = PLAIN.test(value) && !WORDS.test(value) && !NUMBER.test(value);
  return isPlain ? value : JSON.stringify(value);
}
