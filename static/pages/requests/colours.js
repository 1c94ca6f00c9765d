// An outcome has the same colour in every chart, whichever is the most frequent. Pure.

const COLOURS = {
  completed: 0,
  refused: 2,
  upstream_error: 4,
  interrupted: 3,
  aborted_unmetered: 5,
  error_after_usage: 1,
  no_usage: "other",
  usage_invalid: "other",
};

/** The class of a series of outcomes. */
export function outcomeColour({ key }) {
  return `series-${COLOURS[key] ?? "other"}`;
}
