// The workers, each with the revision that it serves.

import { badge, timeAgo } from "../../components/bits.js";
import { table } from "../../components/table.js";
import { count } from "../../format.js";

export function workers({ workers: rows, registry, version }) {
  return table({
    caption: "Workers",
    rows,
    keyOf: ({ name }) => name,
    columns: [
      { name: "name", label: "Worker", primary: true, render: ({ name }) => name },
      { name: "revision", label: "Serves", render: (worker) => revision(worker, registry.revision) },
      {
        name: "version",
        label: "Version",
        wide: true,
        render: (worker) => (worker.version === version ? worker.version : badge(worker.version, "warn", "warning")),
      },
      { name: "in_flight", label: "In flight", align: "end", render: ({ in_flight: number }) => count(number) },
      { name: "backlog", label: "To settle", align: "end", render: ({ backlog }) => count(backlog) },
      { name: "started_at", label: "Started", wide: true, render: ({ started_at: time }) => timeAgo(time) },
      { name: "seen_at", label: "Seen", render: ({ seen_at: time }) => timeAgo(time) },
    ],
  });
}

function revision({ revision: served }, newest) {
  if (served === null || served === undefined) return badge("nothing yet", "warn", "warning");
  return served === newest
    ? badge(`revision ${served}`, "good", "check")
    : badge(`revision ${served} of ${newest}`, "warn", "clock");
}
