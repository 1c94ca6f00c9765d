// Two people changed one document: what was, theirs and yours side by side, only where they differ.

import { html, when } from "../html.js";
import { Dialog } from "../components/dialog.js";
import { timeAgo } from "../components/bits.js";
import { icon } from "../components/icons.js";
import { choose, differences, merged, overlaps } from "./merge.js";
import { labelOf, valueText } from "./words.js";

/**
 * Resolves to `{leaves}` to be saved, `{leaves: null}` to take theirs, or null when it was put off. All sides are
 * leaves; `who` is `{name, at}` of who changed it, or null.
 */
export function openMerge({ title, original, theirs, yours, who }) {
  return new Promise((resolve) => {
    const found = differences(original, theirs, yours);
    const both = overlaps(found);
    const choices = {};
    let decided = null;
    const dialog = new Dialog({ kind: "wide", onclose: () => resolve(decided) });
    const decide = (value) => {
      decided = value;
      dialog.close();
    };
    const show = () => {
      const result = merged(original, theirs, yours, choices);
      dialog.show(
        `${title} was changed meanwhile`,
        html` <p>
            ${who ? html`<strong>${who.name}</strong> saved a change ${timeAgo(who.at)}.` : "Somebody saved a change."}
            ${overlapText(both.length)}
          </p>
          ${when(
            found.some(({ isShared }) => isShared),
            () =>
              html`<p class="strip" data-tone="warn">
                ${icon("warning")}<span
                  >You changed other fields of what belongs together, such as the prices. Check that the result is what
                  you mean.</span
                >
              </p>`,
          )}
          ${sides(found, choices, (path, side) => {
            choices[path] = side;
            show();
          })}
          <div class="actions end">
            <button type="button" class="button" @click=${() => decide({ leaves: null })}>Use theirs</button>
            <button
              type="button"
              class="button"
              @click=${() => decide({ leaves: merged(original, theirs, yours, choose(found, "yours")) })}>
              Use mine
            </button>
            <button
              type="button"
              class="button"
              data-kind="primary"
              ?disabled=${result === null}
              @click=${() => decide({ leaves: result })}>
              Save merged
            </button>
          </div>
          <p class="quiet">
            Use theirs drops what you typed. Use mine takes yours where both of you changed a field, and keeps their
            other changes.
          </p>`,
      );
    };
    show();
  });
}

function overlapText(fields) {
  if (!fields) return "You changed different fields, so both changes fit together.";
  return `${fields === 1 ? "One field was" : `${fields} fields were`} changed by both of you: choose.`;
}

function sides(found, choices, pick) {
  return html`<div class="table-scroll merge" tabindex="0" role="region" aria-label="Differences">
    <table class="table">
      <caption class="visually-hidden">
        Fields that differ
      </caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Original</th>
          <th scope="col">Theirs</th>
          <th scope="col">Yours</th>
        </tr>
      </thead>
      <tbody>
        ${found.map(
          (one) =>
            html`<tr>
              <th scope="row" data-primary>${labelOf(one.path)}<span class="sub">${one.path}</span></th>
              <td data-label="Original">${text(one, one.original)}</td>
              <td data-label="Theirs">${side(one, "theirs", choices, pick)}</td>
              <td data-label="Yours">${side(one, "yours", choices, pick)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function side(one, name, choices, pick) {
  const isOverlap = one.by === "both" && !one.isAlike;
  if (isOverlap) {
    return html`<label class="merge-side"
      ><input
        type="radio"
        name=${`merge-${one.path}`}
        .checked=${choices[one.path] === name}
        @change=${() => pick(one.path, name)} /><span>${text(one, one[name])}</span></label
    >`;
  }
  const isTaken = one.by === name || one.by === "both";
  return html`<span class="merge-side" data-taken=${isTaken}
    >${isTaken ? icon("check") : ""}<span>${text(one, one[name])}</span></span
  >`;
}

const CHARACTERS_MAX = 300;

function text(one, value) {
  const said = valueText(one.path, value);
  return said.length > CHARACTERS_MAX ? `${said.slice(0, CHARACTERS_MAX)}…` : said;
}
