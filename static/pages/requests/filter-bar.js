// The controls over the requests: who, with what, how it ended; and what holds now, each to be taken out.

import { icon } from "../../components/icons.js";
import { findKeys, findModels, findOwnKeys, findOwnModels, findUsers } from "../../components/options.js";
import { Picker } from "../../components/picker.js";
import { isDecimal } from "../../decimal.js";
import { outcomeText, plural } from "../../format.js";
import { html, when } from "../../html.js";
import { chips, NO_FILTERS, OUTCOMES } from "./filters.js";

const STATUSES = [
  ["", "Any status"],
  ["2xx", "2xx"],
  ["4xx", "4xx"],
  ["5xx", "5xx"],
  ["402", "402 out of money"],
  ["429", "429 too many"],
];
/** As the log has them. */
const ENDPOINTS = [
  ["", "Any API"],
  ["chat/completions", "Chat Completions"],
  ["messages", "Messages"],
  ["responses", "Responses"],
  ["embeddings", "Embeddings"],
  ["completions", "Completions"],
];

/** `context` is the page's; `source` says whose requests: `{isAdmin}`; `names(name, value)` knows names from rows. */
export class FilterBar {
  #router;
  #isAdmin;
  #names;
  #pickers;
  #isOpen = false;

  constructor({ router, draw, isAdmin, names }) {
    this.#router = router;
    this.#isAdmin = isAdmin;
    this.#names = names;
    const picker = (name, find) => new Picker({ find, draw, onpick: (value) => router.setQuery({ [name]: value }) });
    this.#pickers = {
      ...(isAdmin ? { user_id: picker("user_id", findUsers) } : {}),
      key_id: picker("key_id", isAdmin ? findKeys : findOwnKeys),
      model: picker("model", isAdmin ? findModels : findOwnModels),
    };
  }

  /** What a filter's value is called. */
  nameOf = (name, value) => this.#pickers[name]?.textOf(value) ?? this.#names(name, value);

  panel(filters) {
    const labels = { user_id: "User", key_id: "API key", model: "Model" };
    return html`<details
      class="filters"
      ?open=${this.#isOpen}
      @toggle=${(event) => {
        this.#isOpen = event.target.open;
      }}>
      <summary class="button">
        ${icon("sliders")}Filters${when(chips(filters).length, (active) => html` <span class="count">${active}</span>`)}
      </summary>
      <div class="form-grid">
        ${Object.entries(this.#pickers).map(([name, picker]) =>
          picker.field({
            label: labels[name],
            value: filters[name][0] ?? null,
            text: filters[name].length ? this.nameOf(name, filters[name][0]) : null,
            placeholder: `Any ${labels[name].replace("API ", "").toLowerCase()}`,
          }),
        )}
        ${this.#status(filters)}${this.#endpoint(filters)}
        ${this.#text("error_code", "Error code", filters.error_code[0] ?? "", "Any, e.g. rate_limited")}
        ${this.#text("min_cost", "Cost at least, $", filters.min_cost ?? "", "0.00", "decimal")}
      </div>
      ${this.#outcomes(filters)}
    </details>`;
  }

  /** What holds now; nothing while nothing does. */
  active(filters) {
    const found = chips(filters, this.nameOf);
    if (!found.length) return "";
    return html`<ul class="chips" aria-label="Active filters">
      ${found.map(
        (chip) =>
          html`<li>
            <button type="button" class="chip" @click=${() => this.#router.setQuery(chip.without)}>
              <span class="quiet">${chip.label}</span> ${chip.text}<span class="visually-hidden"
                >, remove this filter</span
              >${icon("close")}
            </button>
          </li>`,
      )}
      <li>
        <button type="button" class="button" data-kind="quiet" @click=${this.clear}>
          Clear ${plural(found.length, "filter")}
        </button>
      </li>
    </ul>`;
  }

  clear = () => this.#router.setQuery(NO_FILTERS);

  #status({ status }) {
    return this.#choice("status", "Status", STATUSES, status[0] ?? "");
  }

  #endpoint({ endpoint }) {
    return this.#choice("endpoint", "API", ENDPOINTS, endpoint[0] ?? "");
  }

  /** One that is not among the choices came by the address. */
  #choice(name, label, choices, now) {
    const isKnown = choices.some(([value]) => value === now);
    const options = isKnown ? choices : [...choices, [now, now]];
    return html`<div class="field">
      <label for=${`filter-${name}`}>${label}</label
      ><select id=${`filter-${name}`} @change=${(event) => this.#router.setQuery({ [name]: event.target.value })}>
        ${options.map(([value, text]) => html`<option value=${value} ?selected=${value === now}>${text}</option>`)}
      </select>
    </div>`;
  }

  #text(name, label, value, placeholder, inputmode = "text") {
    const change = (event) => {
      const typed = event.target.value.trim();
      const isFit = !typed || name !== "min_cost" || isDecimal(typed);
      event.target.setAttribute("aria-invalid", String(!isFit));
      if (isFit) this.#router.setQuery({ [name]: typed });
    };
    return html`<div class="field">
      <label for=${`filter-${name}`}>${label}</label
      ><input
        id=${`filter-${name}`}
        inputmode=${inputmode}
        autocomplete="off"
        spellcheck="false"
        placeholder=${placeholder}
        .value=${value}
        @change=${change} />
    </div>`;
  }

  #outcomes({ outcome }) {
    const turn = (one) => (event) =>
      this.#router.setQuery({
        outcome: OUTCOMES.filter((other) => (other === one ? event.target.checked : outcome.includes(other))),
      });
    return html`<fieldset class="outcomes">
      <legend>Outcome</legend>
      ${OUTCOMES.map(
        (one) =>
          html`<label class="check"
            ><input type="checkbox" .checked=${outcome.includes(one)} @change=${turn(one)} /><span
              >${outcomeText(one)}</span
            ></label
          >`,
      )}
    </fieldset>`;
  }
}
