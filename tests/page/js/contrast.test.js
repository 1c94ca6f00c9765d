import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const TOKENS = readFileSync(new URL("../../../static/styles/tokens.css", import.meta.url), "utf8");
const GROUNDS = ["ground", "surface", "raised", "well"];
const LEAST = 3;

/** Both themes' luminance of a token. */
function luminances(name) {
  const [, value] = TOKENS.match(new RegExp(`--${name}: light-dark\\((.*)\\);`));
  return [...value.matchAll(/oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)/g)].map(([, ...parts]) =>
    luminance(...parts.map(Number)),
  );
}

function luminance(percent, chroma, degrees) {
  const [a, b] = [Math.cos, Math.sin].map((turn) => chroma * turn((degrees * Math.PI) / 180));
  const lightness = percent / 100;
  const [l, m, s] = [
    lightness + 0.3963377774 * a + 0.2158037573 * b,
    lightness - 0.1055613458 * a - 0.0638541728 * b,
    lightness - 0.0894841775 * a - 1.291485548 * b,
  ].map((root) => root ** 3);
  const red = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
  const green = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
  const blue = -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("the border of a field stands out from whatever it is on, in both themes", () => {
  const field = luminances("line-field");
  for (const ground of GROUNDS)
    luminances(ground).forEach((one, theme) => {
      const [light, dark] = [one, field[theme]].sort((x, y) => y - x);
      const ratio = (light + 0.05) / (dark + 0.05);
      assert.ok(ratio >= LEAST, `${ground}, ${["light", "dark"][theme]}: ${ratio.toFixed(2)}`);
    });
});
