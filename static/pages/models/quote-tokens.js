// The tokens that a cost preview is asked for, as they are typed. Pure.

const WHOLE = /^\d{1,9}$/;

const digits = (text) => text.replaceAll(/[,_\s]/g, "");

/** The counts of these dimensions that are numbers above zero. */
export function tokenCounts(typed, dimensions) {
  const counted = dimensions.map((name) => [name, digits(typed[name])]).filter(([, text]) => WHOLE.test(text));
  return Object.fromEntries(counted.map(([name, text]) => [name, Number(text)]).filter(([, number]) => number > 0));
}

/** What is wrong with what was typed, by dimension. Nothing typed is none. */
export function tokenFaults(typed) {
  const wrong = Object.entries(typed).filter(([, text]) => digits(text) && !WHOLE.test(digits(text)));
  return new Map(wrong.map(([name]) => [name, "Write a whole number, below a billion."]));
}
