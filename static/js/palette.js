/* The palette (Ctrl K, ⌘ K or /): finds things and starts work from any page. */

import { announce, keysAreOn, typing } from "./shell.js";

const WAIT_MS = 120;
const dialog = document.getElementById("palette");

class Palette {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input");
    this.list = root.querySelector("[role=listbox]");
    this.count = root.querySelector("[data-palette-count]");
    this.asked = 0;
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), WAIT_MS);
    });
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("click", (event) => {
      if (event.target === root) root.close();
      const verb = event.target.closest("[data-verb]");
      if (verb) this.act(Number(verb.dataset.verb), event, verb.dataset.rest);
    });
  }

  open(text = "") {
    if (this.root.open) return;
    /* The page's own buttons are read before the dialog makes them inert. */
    this.verbs = verbsOfPage();
    /* Hits of the last time would lead to verbs that may no longer be there. */
    this.list.replaceChildren();
    this.choose(null);
    this.root.showModal();
    this.input.value = text;
    this.input.select();
    this.ask();
  }

  async ask() {
    this.asked += 1;
    const question = this.asked;
    const text = this.input.value.trim();
    const query = new URLSearchParams({ q: text, part: "palette" });
    let html = "";
    try {
      const answer = await fetch(`${this.root.dataset.url}?${query}`);
      if (answer.redirected) location.reload();
      html = await answer.text();
    } catch {
      return;
    }
    if (question !== this.asked) return;
    this.list.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    this.addVerbs(text);
    const options = this.options();
    this.count.textContent = text ? this.root.dataset.found.replace("{}", options.length) : "";
    if (text) announce(this.count.textContent);
    /* A verb is never chosen beforehand: Enter must not do what nobody asked for. */
    const first = options[0];
    this.choose(text && first && !first.closest("[data-kind=verbs], [data-kind=here]") ? first : null);
  }

  /* Offer the page's own verbs that have a key, last. */
  addVerbs(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = this.verbs.map((verb, at) => ({ ...verb, at, rest: restOf(verb, words) }))
      .filter(({ button, rest }) => rest === "" || (rest && button.dataset.paletteRest));
    if (!fitting.length) return;
    const group = document.createElement("div");
    group.className = "hits";
    group.dataset.kind = "here";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", this.root.dataset.here);
    const title = document.createElement("p");
    title.className = "hits__label";
    title.setAttribute("role", "presentation");
    title.textContent = this.root.dataset.here;
    group.append(title);
    for (const { label, key, at, rest } of fitting) {
      const option = document.createElement("button");
      option.type = "button";
      option.className = "hit";
      option.id = `hit-here-${at}`;
      option.dataset.verb = at;
      option.dataset.rest = rest;
      option.tabIndex = -1;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const name = document.createElement("span");
      name.className = "hit__text";
      name.textContent = rest ? `${label}: ${rest}` : label;
      const shown = document.createElement("kbd");
      shown.textContent = key;
      option.append(name, ...(key ? [shown] : []));
      group.append(option);
    }
    this.list.querySelector(".hits__none")?.remove();
    this.list.append(group);
  }

  options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  choose(option) {
    this.chosen?.setAttribute("aria-selected", "false");
    this.chosen = option;
    if (!option) {
      this.input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  move(step) {
    const options = this.options();
    if (!options.length) return;
    const at = options.indexOf(this.chosen);
    const next = at < 0 ? (step > 0 ? 0 : options.length - 1) : (at + step + options.length) % options.length;
    this.choose(options[next]);
  }

  onKey(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && event.target === this.input) {
      event.preventDefault();
      if (!this.chosen) return;
      if ((event.ctrlKey || event.metaKey) && this.chosen.href) window.open(this.chosen.href, "_blank", "noopener");
      else this.chosen.click();
    }
  }

  act(at, event, rest) {
    event.preventDefault();
    this.root.close();
    const { button, answer } = this.verbs[at];
    if (rest) button.form.elements[button.dataset.paletteRest].value = rest;
    if (!answer) button.click();
    else fillIn(button.parentElement, answer);
  }
}

/* Open the strip of a verb with an answer chosen; Enter then saves it. */
function fillIn(ask, answer) {
  ask.open = true;
  answer.checked = true;
  answer.dispatchEvent(new Event("change", { bubbles: true }));
  answer.focus();
}

/* Return the typed words that do not name the verb; null if the first one does not. A verb
   may take them: "assign mira". */
function restOf({ label }, words) {
  const other = words.filter((word) => !label.toLowerCase().includes(word));
  return other.length && other[0] === words[0] ? null : other.join(" ");
}

const canPress = (button) => button.offsetParent && !button.disabled && button.getAttribute("aria-disabled") !== "true";

/* The visible buttons of the page that have a key of one letter, the answers of those that
   ask, and those with a name for the palette. */
function verbsOfPage() {
  const buttons = document.querySelectorAll("main :is([aria-keyshortcuts]:is(button, a, summary), [data-palette])");
  return [...buttons]
    .filter((button) => "palette" in button.dataset || /^[A-Z]$/i.test(button.getAttribute("aria-keyshortcuts")))
    .filter(canPress)
    .flatMap((button) => [{ button, label: labelOf(button), key: (button.getAttribute("aria-keyshortcuts") ?? "").toUpperCase() }, ...answersOf(button)])
    .filter(({ label }) => label);
}

/* The answers of a strip as verbs of their own: "Reject: Wrong recording". */
function answersOf(summary) {
  if (!summary.matches(".ask > summary")) return [];
  const verb = labelOf(summary).replace("…", "");
  const key = summary.getAttribute("aria-keyshortcuts");
  return [...summary.parentElement.querySelectorAll(".code")].map((code) => ({
    button: summary,
    answer: code.querySelector("[type=radio]"),
    label: `${verb}: ${code.querySelector("span").textContent.trim()}`,
    key,
  }));
}

function labelOf(button) {
  const copy = button.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd, .bar__fold")) key.remove();
  return (button.dataset.palette ?? button.getAttribute("aria-label") ?? copy.textContent).replace(/\s+/g, " ").trim();
}

if (dialog) {
  const palette = new Palette(dialog);
  document.addEventListener("keydown", (event) => {
    const isCtrlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    const isSlash = event.key === "/" && keysAreOn() && !typing(event);
    if (event.defaultPrevented || !(isCtrlK || isSlash)) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    palette.open();
  });
  for (const search of document.querySelectorAll("[data-palette-open]")) {
    search.addEventListener("mousedown", (event) => {
      event.preventDefault();
      document.getElementById("menu")?.hidePopover?.();
      palette.open(search.value);
    });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Tab" || event.key === "Escape" || event.ctrlKey || event.metaKey || event.altKey || event.key === "Shift") return;
      event.preventDefault();
      palette.open(event.key.length === 1 ? event.key : search.value);
    });
  }
}
