// The prices of a model, per million tokens, with tiers for long prompts, and what they come to.

import { icon } from "../../components/icons.js";
import { Adding } from "../../documents/adding.js";
import { ownedField } from "../../documents/owned-field.js";
import { tierPath } from "../../documents/leaves.js";
import { lockOf } from "../../documents/standing.js";
import { priceWarning } from "../../documents/values.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";
import { Quote } from "./quote.js";

const RATES = [
  { name: "input", label: "Input", required: true },
  { name: "output", label: "Output", required: true },
  { name: "cached_input", label: "Cached input", hint: "Empty: as input." },
  { name: "cache_write", label: "Cache write", hint: "Empty: as input." },
  { name: "cache_write_1h", label: "Cache write, 1 h", hint: "Empty: as cache write." },
];
const TIERS_MAX = 8;

export function pricesTab(editor, { signal, draw }) {
  const quote = new Quote(editor, { signal, draw });
  const adding = newTier(editor, draw);

  const view = () => {
    const { draft } = editor;
    const isFree = draft.flag("pricing.free");
    quote.follow();
    return html`<div class="stack">
      ${freeChoice(editor, isFree, draw)}
      ${when(
        !isFree,
        () =>
          html`<fieldset class="stack">
              <legend class="visually-hidden">Dollars per 1M tokens</legend>
              <div class="form-grid">${RATES.map((rate) => priceField(editor, `pricing.${rate.name}`, rate))}</div>
              ${warning(rates(draft, "pricing."))}
            </fieldset>
            ${draft.tiers.map((above) => tier(editor, above, draw))}
            ${draft.tiers.length < TIERS_MAX ? adding.view() : ""}`,
      )}
      ${quote.view()}
    </div>`;
  };
  return { view };
}

function freeChoice(editor, isFree, draw) {
  const { draft } = editor;
  const isLocked = ["pricing.free", "pricing.input"].some((path) => lockOf(editor, path) !== null);
  const choose = (free) => () => {
    draft.reset("pricing.free");
    for (const path of Object.keys(draft.leaves))
      if (path.startsWith("pricing.") && path !== "pricing.free") draft.reset(path);
    if (free)
      for (const path of Object.keys(draft.original))
        if (path.startsWith("pricing.") && path !== "pricing.free") draft.type(path, "");
    draft.type("pricing.free", free);
    draw();
  };
  const hasNone = !isFree && !draft.leaves["pricing.input"] && !draft.leaves["pricing.output"];
  return html`${when(
      hasNone,
      () =>
        html`<p class="strip" data-tone="warn" role="status">
          ${icon("warning")}<span
            ><strong>It has no price, so it is not served and not listed.</strong> Say what input and output cost, or
            that it is free.</span
          >
        </p>`,
    )}
    <div class="toolbar">
      <div class="segments" role="group" aria-label="Whether it costs something">
        <button type="button" aria-pressed=${!isFree} ?disabled=${isLocked} @click=${choose(false)}>Costs money</button>
        <button type="button" aria-pressed=${isFree} ?disabled=${isLocked} @click=${choose(true)}>Free</button>
      </div>
      <span class="quiet"
        >${isFree ? "Requests are served and cost nothing, said out loud." : "US dollars per 1,000,000 tokens."}</span
      >
    </div>`;
}

function priceField(editor, path, { label, required = false, hint = "" }) {
  return ownedField(editor, path, { label, required, hint, prefix: "$", suffix: "/ 1M", inputmode: "decimal" });
}

const rates = (draft, prefix) => Object.fromEntries(RATES.map(({ name }) => [name, draft.value(`${prefix}${name}`)]));

function warning(prices) {
  const said = priceWarning(prices);
  return said ? html`<p class="note" data-tone="warn">${icon("warning")}<span>${said}</span></p>` : "";
}

/** A tier names the rates that the price names, no fewer and no more. */
function tier(editor, above, draw) {
  const { draft } = editor;
  const named = RATES.filter(
    ({ name, required }) =>
      required || draft.value(`pricing.${name}`) !== null || draft.value(tierPath(above, name)) !== null,
  );
  const drop = () => {
    draft.dropTier(above);
    draw();
  };
  return html`<fieldset class="tier">
    <legend>Prompts above ${count(Number(above))} tokens</legend>
    <div class="form-grid">
      ${named.map((rate) => priceField(editor, tierPath(above, rate.name), { label: rate.label, required: true }))}
    </div>
    ${warning(rates(draft, `pricing.tiers.${above}.`))}
    <div class="actions">
      <button type="button" class="button" @click=${drop}>${icon("trash")}Remove this tier</button>
    </div>
  </fieldset>`;
}

/** A tier begins with the prices that it departs from. */
function newTier(editor, draw) {
  return new Adding(editor, draw, {
    summary: "Another price for long prompts",
    note: "A prompt of more tokens than the threshold is charged at the tier's rates, all of it, its output too.",
    button: "Add tier",
    input: {
      name: "tier-above",
      label: "Above how many tokens",
      inputmode: "numeric",
      placeholder: "200000",
      suffix: "tokens",
    },
    read: (text) => text.replaceAll(/[,_\s]/g, ""),
    faultOf: (above) => tierFault(editor.draft, above),
    add: (above) => {
      const { draft } = editor;
      for (const { name } of RATES) {
        const base = draft.text(`pricing.${name}`);
        if (base) draft.type(tierPath(above, name), base);
      }
    },
  });
}

function tierFault(draft, above) {
  if (!/^[1-9]\d{0,9}$/.test(above)) return "Write a whole number above zero.";
  if (draft.tiers.includes(above)) return "There is a tier above that many.";
  const isPriced = draft.text("pricing.input") && draft.text("pricing.output");
  return isPriced ? null : "Say what input and output cost first.";
}
