/* Search boxes of forms: the chosen values by name as chips, suggestions by keyboard.
   The field below keeps the values, so that a form works the same without this script:
   a textarea with one value per line, a select, or a text field with suggestions. */

import { announce } from "./shell.js";

const WAIT_MS = 160;
const SHOWN = 12;
const FEW = 12;
const words = document.getElementById("picker-words")?.dataset ?? {};
let numbered = 0;

const filled = (text = "", name = "") => text.replace("{}", name);
const territoryNames = typeof Intl.DisplayNames === "function"
  ? new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "region", fallback: "code" })
  : null;

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/* Values that the server searches. */
class Remote {
  constructor(kind) {
    this.kind = kind;
    this.all = null;
  }

  async search(text) {
    if (!this.kind) return [];
    if (this.kind === "territories") return this.territories(text);
    const query = new URLSearchParams({ kind: this.kind, q: text });
    try {
      const answer = await fetch(`${words.url}?${query}`, { headers: { Accept: "application/json" } });
      return answer.ok ? (await answer.json()).choices : [];
    } catch {
      return [];
    }
  }

  /* The browser knows the names of all codes in the page's language. */
  async territories(text) {
    this.all ??= (await new Remote("").fetchAll("territories")).map(({ value }) => ({
      value, label: territoryName(value), hint: value,
    })).sort((a, b) => a.label.localeCompare(b.label));
    const wanted = text.toLowerCase();
    const starts = ({ hint, label }) => hint.toLowerCase() === wanted || label.toLowerCase().startsWith(wanted);
    const choices = this.all.filter((choice) => starts(choice) || choice.label.toLowerCase().includes(wanted));
    return choices.sort((a, b) => starts(b) - starts(a)).slice(0, SHOWN);
  }

  /* The territories that typed text names: by its code or name, else by how its name begins. */
  async named(text) {
    const wanted = text.toLowerCase();
    const choices = await this.territories(text);
    const exactly = choices.filter(({ hint, label }) => [hint, label].some((name) => name.toLowerCase() === wanted));
    return exactly.length ? exactly : choices.filter(({ label }) => label.toLowerCase().startsWith(wanted));
  }

  async fetchAll(kind) {
    const answer = await fetch(`${words.url}?${new URLSearchParams({ kind, q: "" })}`);
    return answer.ok ? (await answer.json()).choices : [];
  }
}

const remotes = new Map();

function remote(kind) {
  if (!remotes.has(kind)) remotes.set(kind, new Remote(kind));
  return remotes.get(kind);
}

const territoryName = (code) => {
  try {
    return territoryNames?.of(code) ?? code;
  } catch {
    return code;
  }
};

/* Names of time zones have underscores where people type spaces. */
const plain = (text) => text.toLowerCase().replaceAll("_", " ");

/* The options of a select. */
class Options {
  constructor(select) {
    this.select = select;
  }

  async search(text) {
    return this.matching(text);
  }

  matching(text) {
    const wanted = plain(text);
    return [...this.select.options]
      .filter((option) => option.value && !option.selected && plain(option.text).includes(wanted))
      .slice(0, 50)
      .map((option) => ({ value: option.value, label: option.text, hint: "" }));
  }
}

/* A text input with a list of suggestions; what a choice does is the caller's. */
export class Suggestions {
  constructor(input, source, choose) {
    Object.assign(this, { input, source, choose, choices: [], active: -1, asked: 0 });
    numbered += 1;
    this.list = make("ul", { class: "picker__list", role: "listbox", id: `choices-${numbered}`, hidden: true });
    this.list.setAttribute("aria-label", words.choices ?? "");
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-controls", this.list.id);
    input.autocomplete = "off";
    input.addEventListener("input", () => this.later());
    input.addEventListener("keydown", (event) => this.onKey(event));
    input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.take(Number(option.dataset.at));
    });
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    this.asked += 1;
    const question = this.asked;
    const text = this.input.value.trim();
    const choices = await this.source.search(text);
    if (question !== this.asked || document.activeElement !== this.input) return;
    this.show(choices, text);
  }

  show(choices, text) {
    this.choices = choices;
    this.active = -1;
    this.list.replaceChildren(...choices.map((choice, at) => this.option(choice, at)));
    this.input.removeAttribute("aria-activedescendant");
    if (!choices.length && text && words.none) {
      this.list.append(make("li", { class: "picker__none" }, words.none));
      announce(words.none);
    }
    const isOpen = choices.length > 0 || Boolean(text);
    this.list.hidden = !isOpen || !this.list.children.length;
    this.input.setAttribute("aria-expanded", String(choices.length > 0));
  }

  option(choice, at) {
    const option = make("li", { role: "option", id: `${this.list.id}-${at}`, "data-at": String(at), "aria-selected": "false" });
    option.append(make("span", { class: "picker__label" }, choice.label));
    if (choice.hint) option.append(make("span", { class: "picker__hint" }, choice.hint));
    return option;
  }

  get isOpen() {
    return !this.list.hidden && this.choices.length > 0;
  }

  move(step) {
    const options = this.list.querySelectorAll("[role=option]");
    options[this.active]?.setAttribute("aria-selected", "false");
    this.active = (this.active + step + options.length) % options.length;
    if (this.active < 0 || Number.isNaN(this.active)) this.active = 0;
    const option = options[this.active];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  onKey(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!this.isOpen) this.ask();
      else this.move(event.key === "ArrowDown" ? 1 : this.active < 0 ? 0 : -1);
    } else if (event.key === "Enter" && this.isOpen && this.active >= 0) {
      event.preventDefault();
      this.take(this.active);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  take(at) {
    const choice = this.choices[at];
    this.close();
    if (choice) this.choose(choice);
  }

  close() {
    this.asked += 1;
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.choices = [];
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

/* Chips and a search box in place of a textarea or select, which keeps the values. */
class Picker {
  constructor(field) {
    this.field = field;
    this.isSelect = field.matches("select");
    this.isOpen = field.hasAttribute("data-picker-open");
    this.asks = field.form?.elements[field.dataset.pickerFrom];
    this.names = JSON.parse(field.dataset.pickerNames ?? "{}");
    this.source = this.isSelect ? new Options(field) : { search: (text) => this.search(text) };
    this.build();
    this.draw();
  }

  build() {
    const { field } = this;
    const id = field.id;
    field.id = `${id}_values`;
    field.hidden = true;
    this.input = make("input", { type: "text", id, class: "picker__input", spellcheck: "false" });
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (field.hasAttribute(name)) this.input.setAttribute(name, field.getAttribute(name));
    }
    /* What an empty choice means, such as nobody. */
    const empty = this.isSelect && !field.multiple && [...field.options].find((option) => !option.value);
    this.none = empty ? empty.text : "";
    this.keepsOne = this.isSelect && !field.multiple && !empty;
    if (field.required) field.required = false;
    this.chips = make("ul", { class: "picker__chips" });
    this.suggestions = new Suggestions(this.input, this.source, (choice) => this.add(choice));
    this.box = make("div", { class: "picker" }, this.chips, this.input, this.suggestions.list);
    this.error = make("ul", { class: "errorlist", id: `${id}_refused`, hidden: true });
    field.after(this.box, this.error);
    this.input.setAttribute("aria-describedby", `${this.input.getAttribute("aria-describedby") ?? ""} ${this.error.id}`.trim());
    this.box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]");
      if (button) this.remove(button.dataset.remove);
      else if (event.target === this.box || event.target === this.chips) this.input.focus();
    });
    this.input.addEventListener("focus", () => this.isSelect && this.suggestions.ask());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    this.input.addEventListener("blur", () => (this.isOpen || this.isSelect) && this.take());
    this.input.addEventListener("input", () => this.refuse(""));
    /* Typed text that was never chosen goes to the server, which says what is wrong with it. */
    field.form?.addEventListener("submit", () => this.take(), { capture: true });
    field.form?.addEventListener("reset", () => setTimeout(() => this.draw()));
    field.addEventListener("change", () => this.draw());
  }

  /* The kind can depend on another field: accounts, or programmes. */
  get kind() {
    return this.asks ? `${this.asks.value}s` : this.field.dataset.picker;
  }

  async search(text) {
    const left = [...this.values(), this.field.dataset.pickerWithout];
    const choices = await remote(this.kind).search(text);
    return choices.filter(({ value }) => !left.includes(value));
  }

  values() {
    if (this.isSelect) return [...this.field.selectedOptions].map((option) => option.value).filter(Boolean);
    const parts = this.field.value.split(this.kind === "territories" ? /[\s,;]+/ : /\n/);
    return parts.map((part) => part.trim()).filter(Boolean);
  }

  nameOf(value) {
    if (this.isSelect) return [...this.field.options].find((option) => option.value === value)?.text ?? value;
    return this.kind === "territories" ? territoryName(value) : this.names[value] ?? value;
  }

  draw() {
    this.chips.replaceChildren(...this.values().map((value) => {
      const name = this.nameOf(value);
      const label = make("span", { title: name }, name);
      if (this.keepsOne) return make("li", { class: "picker__chip picker__chip--kept" }, label);
      const button = make("button", { type: "button", class: "picker__remove", "data-remove": value, "aria-label": filled(words.remove, name) }, "×");
      return make("li", { class: "picker__chip" }, label, button);
    }));
    this.chips.hidden = !this.chips.children.length;
    if (this.none) this.input.placeholder = this.chips.hidden ? this.none : "";
  }

  write(values) {
    if (this.isSelect) {
      for (const option of this.field.options) option.selected = values.includes(option.value);
    } else {
      this.field.value = [...new Set(values)].join("\n");
    }
    this.draw();
    this.field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  add({ value, label }) {
    if (!this.isSelect) this.names[value] = label;
    this.input.value = "";
    this.refuse("");
    this.write(this.isSelect && !this.field.multiple ? [value] : [...this.values(), value]);
    announce(this.nameOf(value));
  }

  remove(value) {
    this.write(this.values().filter((other) => other !== value));
    this.input.focus();
  }

  /* Keep what was typed: by the only thing that is called so, or else as it stands. */
  take() {
    const text = this.input.value.trim();
    if (!text) return;
    if (this.isSelect) {
      const choices = this.source.matching(text);
      const exactly = choices.filter(({ label }) => plain(label) === plain(text));
      const [only] = exactly.length === 1 ? exactly : choices.length === 1 ? choices : [];
      /* The text stays, and the form is not sent without what somebody meant by it. */
      if (only) this.add(only);
      else this.refuse(filled(words.unknown, text));
      return;
    }
    const typed = this.kind === "territories" ? text.toUpperCase() : text;
    this.input.value = "";
    this.write([...this.values(), typed]);
  }

  /* Say what is wrong with the text, or nothing: a form when somebody sends it. A list of
     filters is never sent, so it says so below the box, and its other filters still work. */
  refuse(reason) {
    if (!this.field.closest(".filters")) {
      this.input.setCustomValidity(reason);
      return;
    }
    this.error.replaceChildren(...(reason ? [make("li", {}, reason)] : []));
    this.error.hidden = !reason;
    if (reason) {
      this.input.setAttribute("aria-invalid", "true");
      announce(reason);
    } else {
      this.input.removeAttribute("aria-invalid");
    }
  }

  async resolve(text) {
    let choices = [];
    if (this.kind === "recordings") choices = await remote(this.kind).search(text);
    if (this.kind === "territories") choices = await remote(this.kind).named(text);
    const typed = this.kind === "territories" ? text.toUpperCase() : text;
    this.add(choices.length === 1 ? choices[0] : { value: typed, label: typed });
  }

  onKey(event) {
    if (event.key === "Backspace" && !this.input.value && this.values().length && !this.keepsOne) {
      this.write(this.values().slice(0, -1));
    } else if (this.isSelect && event.key === "Enter" && !event.defaultPrevented && this.input.value.trim()) {
      event.preventDefault();
      const choices = this.source.matching(this.input.value.trim());
      if (choices.length !== 1) {
        this.suggestions.ask();
        return;
      }
      this.suggestions.close();
      this.take();
    } else if ((event.key === "Enter" || event.key === ",") && !event.defaultPrevented && this.input.value.trim() && !this.isSelect) {
      if (event.key === "," && this.kind !== "" && this.kind !== "territories") return;
      event.preventDefault();
      const text = this.input.value.trim();
      this.input.value = "";
      this.suggestions.close();
      this.resolve(text);
    }
  }

  onPaste(event) {
    const pasted = event.clipboardData.getData("text");
    const parts = pasted.split(/[\n\t;]+/).map((part) => part.trim()).filter(Boolean);
    if (this.isSelect || parts.length < 2) return;
    event.preventDefault();
    parts.reduce((before, part) => before.then(() => this.resolve(part)), Promise.resolve());
  }
}

/* Show only the fields of the chosen scope: data-when="scope:bucket|label". */
function conditional(root) {
  for (const part of root.querySelectorAll("[data-when]")) {
    const [name, values] = part.dataset.when.split(":");
    const kind = part.closest("form")?.elements[name];
    if (!kind) continue;
    const update = () => {
      part.hidden = !values.split("|").includes(kind.value);
    };
    update();
    kind.closest("form").addEventListener("change", (event) => event.target.name === name && update());
  }
}

/* A few choices are quicker to see than to search. */
const isShort = (field) => field.matches("select:not([multiple])") && field.options.length <= FEW;

function enhance(root) {
  conditional(root);
  for (const field of root.querySelectorAll("[data-picker]:not([hidden])")) if (!isShort(field)) new Picker(field);
  for (const input of root.querySelectorAll("input[data-suggest]:not([role])")) {
    const suggestions = new Suggestions(input, remote(input.dataset.suggest), ({ value }) => {
      input.value = value;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    const box = make("span", { class: "suggest" });
    input.before(box);
    box.append(input, suggestions.list);
  }
}

enhance(document);
document.addEventListener("htmx:load", (event) => event.target !== document.body && enhance(event.target));
