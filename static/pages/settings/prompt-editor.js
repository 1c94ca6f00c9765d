// The global system prompt: its text, how it is put in, its master switch; beside it, what that comes to.

import { ApiError } from "../../api.js";
import { badge, timeAgo } from "../../components/bits.js";
import { confirm } from "../../components/dialog.js";
import { Form, field } from "../../components/forms.js";
import { icon } from "../../components/icons.js";
import { count } from "../../format.js";
import { html, when } from "../../html.js";
import { characters, textDiff } from "../../text-diff.js";
import { PromptPreview } from "./prompt-preview.js";

const SENT_MAX = 10_000;
const NAMES = ["system_prompt_enabled", "system_prompt", "system_prompt_mode"];
const MODES = [
  ["prepend", "Before the client's own system text"],
  ["replace", "In place of the client's own system text"],
];

export class PromptEditor {
  #page;
  #draft = {};
  #rival = null;
  #form;
  #preview;

  constructor(page) {
    this.#page = page;
    this.#form = new Form({ draw: page.draw, submit: () => this.#save() });
    this.#preview = new PromptPreview({ ...page, wanted: () => this.#values() });
    addEventListener("beforeunload", (event) => this.#changes().length && event.preventDefault(), {
      signal: page.signal,
    });
  }

  /** Whether leaving would lose what was typed: then it asks, and `leave` runs if that may be. */
  holds(leave) {
    if (!this.#changes().length) return false;
    confirm({
      title: "Leave without saving the system prompt?",
      action: "Discard what was typed",
      text: "What was changed is not in force yet.",
    }).then((isSure) => {
      if (!isSure) return;
      this.#discard();
      leave();
    });
    return true;
  }

  /** Draw anew after the address changed. */
  refresh() {
    if (!this.#page.live.data) return;
    this.#preview.ask();
    this.#page.draw();
  }

  #live() {
    return this.#page.live.data.values;
  }

  /** What would be in force if it were saved now. */
  #values() {
    const live = this.#live();
    return Object.fromEntries(NAMES.map((name) => [name, this.#draft[name] ?? live[name]]));
  }

  #changes() {
    const live = this.#page.live.data?.values;
    return live ? NAMES.filter((name) => name in this.#draft && this.#draft[name] !== live[name]) : [];
  }

  async #save() {
    const names = this.#changes();
    const values = this.#values();
    try {
      await this.#page.write(
        Object.fromEntries(names.map((name) => [name, values[name]])),
        "The system prompt is in force.",
      );
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
      this.#rival = this.#page.history.rows[0] ?? {};
      return;
    }
    this.#discard();
  }

  #discard() {
    this.#draft = {};
    this.#rival = null;
    this.refresh();
  }

  #set(name, value) {
    this.#draft = { ...this.#draft, [name]: value };
    this.refresh();
  }

  view() {
    const values = this.#values();
    this.#preview.askOnce();
    return html`<div class="columns prompt-columns">
      <form class="panel stack" aria-label="Global system prompt" @submit=${this.#form.handle}>
        <header>
          <h2>Global system prompt</h2>
          ${this.#state()}
        </header>
        <p class="quiet">
          Sent with every request to a model that has no text of its own. Its tokens are input, billed to the user.
        </p>
        ${this.#form.summary(NAMES)}${this.#rivalStrip()}
        ${field(this.#form, {
          name: "system_prompt_enabled",
          label: "System prompts are on",
          type: "checkbox",
          value: values.system_prompt_enabled,
          hint: "The master switch. Off, nothing is put in anywhere, not even a model's own text.",
          oninput: (event) => this.#set("system_prompt_enabled", event.target.checked),
        })}
        ${field(this.#form, {
          name: "system_prompt",
          label: "Text",
          type: "textarea",
          rows: 10,
          value: values.system_prompt,
          hint: this.#counter(values.system_prompt),
          oninput: (event) => this.#set("system_prompt", event.target.value),
        })}
        ${field(this.#form, {
          name: "system_prompt_mode",
          label: "Where it goes",
          type: "select",
          options: MODES,
          required: true,
          value: values.system_prompt_mode,
          oninput: (event) => this.#set("system_prompt_mode", event.target.value),
        })}
        ${this.#diff(values)}
        <div class="actions">
          ${this.#form.button("Save", { disabled: !this.#changes().length })}
          <button
            type="button"
            class="button"
            ?disabled=${!this.#changes().length || this.#form.isBusy}
            @click=${() => this.#discard()}>
            Discard
          </button>
          <span class="quiet" role="status">${this.#changes().length ? "Not saved yet" : ""}</span>
        </div>
      </form>
      ${this.#preview.view()}
    </div>`;
  }

  #state() {
    const { system_prompt_enabled: isOn, system_prompt: text } = this.#live();
    if (!isOn) return badge("off for every model", "warn", "warning");
    return text.trim() ? badge("in force", "good", "check") : badge("no text", "quiet");
  }

  #counter(text) {
    const length = characters(text);
    return html`<span data-tone=${length > SENT_MAX ? "warn" : "quiet"} class="counter"
      >${count(length)} of ${count(SENT_MAX)}
      characters${
        length > SENT_MAX
          ? html`: ${icon("warning")} only the first ${count(SENT_MAX)} are sent, the rest is cut off without a word`
          : ""
      }</span
    >`;
  }

  #rivalStrip() {
    return when(
      this.#rival,
      ({ actor, at: time }) =>
        html`<div class="strip" data-tone="warn" role="alert">
          ${icon("warning")}
          <span
            ><strong>${actor ?? "Somebody"}</strong> changed the settings ${time ? timeAgo(time) : "meanwhile"}, so
            yours were not saved. What you typed is still here, and is compared with theirs below. Save again to put it
            in their place.</span
          >
          <button type="button" class="button" @click=${() => this.#discard()}>Take theirs</button>
        </div>`,
    );
  }

  #diff(values) {
    const text = this.#live().system_prompt;
    if (values.system_prompt === text) return "";
    return html`<details open>
      <summary>Compared with what is in force</summary>
      <div class="diff" role="img" aria-label="Lines taken out and put in">
        ${textDiff(text, values.system_prompt).map(diffLine)}
      </div>
      <p class="hint">
        A changed text is new to every provider's prompt cache: the first requests after it pay for full input or cache
        writes.
      </p>
    </details>`;
  }
}

const MARKS = { same: " ", out: "−", in: "+" };

function diffLine({ kind, text }) {
  return html`<div data-kind=${kind}><span aria-hidden="true">${MARKS[kind]}</span>${text || " "}</div>`;
}
