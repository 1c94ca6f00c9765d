// Which bar an arrow key leads to: one stop for the Tab key, arrows within. Pure.

/** `links`: `{bucket, series}` of every bar that can be opened. The index that `key` leads to from `now`, or null. */
export function stepLink(links, now, key) {
  const here = links[now];
  if (!here) return links.length ? links.length - 1 : null;
  if (key === "Home") return 0;
  if (key === "End") return links.length - 1;
  if (key === "ArrowLeft" || key === "ArrowRight") return beside(links, here, key === "ArrowRight" ? 1 : -1);
  if (key === "ArrowUp" || key === "ArrowDown") {
    const next = now + (key === "ArrowUp" ? 1 : -1);
    return links[next]?.bucket === here.bucket ? next : now;
  }
  return null;
}

/** The piece of the nearest bar on that side, of the same series where it has one. */
function beside(links, here, side) {
  const further = links
    .map((link, at) => ({ ...link, at }))
    .filter((link) => Math.sign(link.bucket - here.bucket) === side);
  if (!further.length) return links.indexOf(here);
  const bucket =
    side > 0 ? Math.min(...further.map((link) => link.bucket)) : Math.max(...further.map((link) => link.bucket));
  const pieces = further.filter((link) => link.bucket === bucket);
  return (pieces.find((link) => link.series === here.series) ?? pieces[0]).at;
}
