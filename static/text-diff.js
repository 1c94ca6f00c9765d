// The difference between two texts, line by line. Pure.

const LINES_MAX = 1500;

/**
 * `[{kind: "same" | "out" | "in", text}]`. Texts of very many lines are told as wholly replaced between their equal
 * ends.
 */
export function textDiff(before, after) {
  const [a, b] = [lines(before), lines(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (text) => ({ kind: "same", text });
  return [
    ...a.slice(0, start).map(same),
    ...between(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

const lines = (text) => (text === "" ? [] : text.split("\n"));

function between(a, b) {
  if (!a.length || !b.length || a.length * b.length > LINES_MAX ** 2) {
    return [...a.map((text) => ({ kind: "out", text })), ...b.map((text) => ({ kind: "in", text }))];
  }
  const common = commonLengths(a, b);
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: "same", text: a[i++] });
      j++;
    } else if (j === b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1]))
      found.push({ kind: "out", text: a[i++] });
    else found.push({ kind: "in", text: b[j++] });
  }
  return found;
}

/** `table[i][j]`: how many lines `a` from i on and `b` from j on have in common, in order. */
function commonLengths(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

/** How many characters a text has as the server counts them, and what of it is sent when only so many are. */
export const characters = (text) => [...text].length;
export const cutTo = (text, most) => (text.length <= most ? text : [...text].slice(0, most).join(""));
