/* Keys of every list: move between rows, tick them, open them, act on them.

   A list is one element with ``data-list``. Its rows have ``data-row`` with a name that
   stays the same when the server draws the row again. In a row, ``data-open`` is the link
   that Enter follows, and ``data-row-key`` the letter that presses a button. In the bar
   for ticked rows, ``data-bulk-key`` does the same. A list with ``data-begin`` begins at its
   first row, because an answer has just taken away the one before it. */

import { onKey } from "./shell.js";

const DENSITY = "acrportal.density";

/* Rows may be drawn again at any time, so keep names and not elements. */
let currentName = "";
let anchorName = "";
/* The range that Shift and the keys are ticking: where it began, and what was ticked then. */
let range = null;

const list = () => document.querySelector("[data-list]");
export const rows = () => [...(list()?.querySelectorAll("[data-row]") ?? [])];
const named = (name) => rows().find((row) => row.dataset.row === name);
const boxOf = (row) => row?.querySelector("input[type=checkbox]");

/* Return the current row, or undefined. */
export const current = () => named(currentName);

/* Return the rows that are ticked. */
export const ticked = () => rows().filter((row) => boxOf(row)?.checked);

function mark(row) {
  for (const other of rows()) other.classList.toggle("is-current", other === row);
  if (row) row.tabIndex = -1;
}

/* Make a row the current one and focus it. */
export function moveTo(row, { focus = true } = {}) {
  if (!row) return;
  const changed = row.dataset.row !== currentName;
  currentName = row.dataset.row;
  mark(row);
  if (focus) {
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  // The browser gives it back when somebody returns to this list.
  if (changed) history.replaceState({ ...history.state, row: currentName }, "");
  if (changed) row.dispatchEvent(new CustomEvent("list:row", { bubbles: true }));
}

/* Replace a row by what the server drew, keeping its place, tick and focus. */
export function replaceRow(row, fresh) {
  const box = boxOf(fresh);
  const focused = row.contains(document.activeElement);
  if (box) box.checked = boxOf(row)?.checked ?? false;
  /* Why a decision was refused stays in sight while the row still waits for one. */
  const refused = row.querySelector(".row-refused");
  if (refused && fresh.dataset.done === undefined) fresh.querySelector("th").append(refused);
  row.replaceWith(fresh);
  window.htmx?.process(fresh);
  if (fresh.dataset.row === currentName) mark(fresh);
  if (focused) fresh.focus({ preventScroll: true });
  tell();
  fresh.dispatchEvent(new CustomEvent("list:drawn", { bubbles: true }));
}

/* Show how many rows are ticked. */
function tell() {
  const form = list();
  const count = form?.querySelector("[data-count]");
  if (!count) return;
  const boxes = rows().map(boxOf).filter(Boolean);
  const everything = form.querySelector("[data-all]");
  const chosen = boxes.filter((box) => box.checked).length;
  if (everything && chosen < boxes.length) everything.checked = false;
  const number = everything?.checked ? Number(form.dataset.total) : chosen;
  const limit = Number(form.dataset.limit);
  const words = number > limit ? count.dataset.tooMany : number === 1 ? count.dataset.one : count.dataset.many;
  count.textContent = words.replace("{n}", everything?.checked ? form.dataset.totalWords : number).replace("{limit}", limit);
  const all = form.querySelector("[data-select-all]");
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  if (everything) everything.parentNode.hidden = chosen < boxes.length;
  form.dispatchEvent(new CustomEvent("list:ticks"));
}

function tick(chosen, on) {
  for (const row of chosen) {
    const box = boxOf(row);
    if (box && !box.disabled) box.checked = on;
  }
  tell();
}

function tickRange(from, to, on) {
  const all = rows();
  const [low, high] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
  tick(all.slice(Math.max(low, 0), high + 1), on);
}

function toggle(row) {
  const box = boxOf(row);
  if (!box) return false;
  anchorName = row.dataset.row;
  range = null;
  tick([row], !box.checked);
  return true;
}

/* Tick from where the range began to a row. A shorter range gives back what it ticked, and
   nothing that was ticked before it. */
function extendTo(row) {
  if (!named(range?.from)) range = { from: (current() ?? row).dataset.row, before: ticked().map(({ dataset }) => dataset.row) };
  tick(rows().filter(({ dataset }) => !range.before.includes(dataset.row)), false);
  tickRange(named(range.from), row, true);
  anchorName = range.from;
}

/* Move by rows; with ``ticks`` tick them on the way. */
function step(by, ticks) {
  const all = rows();
  const at = all.indexOf(current());
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  if (!next) return false;
  if (ticks && boxOf(next)) extendTo(next);
  else range = null;
  moveTo(next);
  return true;
}

function press(target) {
  if (!target || target.disabled) return false;
  // A verb that cannot be undone only gets the focus; Enter then presses it.
  if (target.matches("[data-asks]")) target.focus();
  else target.click();
  return true;
}

const open = (row) => press(row?.querySelector("[data-open]"));

/* A letter acts on the ticked rows, or else on the current one. */
function act(key) {
  if (!/^[a-z]$/.test(key)) return false;
  if (ticked().length) return press(list().querySelector(`[data-bulk-key="${key}"]`));
  return press(current()?.querySelector(`[data-row-key="${key}"]`));
}

/* Untick everything; false if nothing was ticked. */
function untick() {
  if (!ticked().length) return false;
  anchorName = "";
  range = null;
  tick(rows(), false);
  return true;
}

onKey((event) => {
  if (!list()) return;
  const key = event.key.toLowerCase();
  const moves = {
    j: () => step(1, event.shiftKey),
    k: () => step(-1, event.shiftKey),
    x: () => toggle(current()),
    o: () => open(current()),
  };
  if ((moves[key] ?? (() => act(key)))()) event.preventDefault();
});

/* These are no single-letter keys, so the switch of those does not turn them off. */
document.addEventListener("keydown", (event) => {
  const at = event.target;
  const box = at.matches("[data-list] input[type=checkbox]");
  const busy = at.matches("input, textarea, select, audio, video, [role=slider], [role=radio]") && !box;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || busy) return;
  if (!list() || document.querySelector("dialog[open], details.menu[open], .ask[open]")) return;
  const onRow = at.matches("[data-row]");
  const actions = {
    ArrowDown: () => step(1, event.shiftKey),
    ArrowUp: () => step(-1, event.shiftKey),
    " ": () => onRow && toggle(at),
    Enter: () => onRow && open(at),
    Escape: untick,
  };
  if (actions[event.key]?.()) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-list]")) return;
  if (event.target.matches("[data-select-all]")) tick(rows(), event.target.checked);
  else tell();
});

document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-list] [data-row]");
  if (!row) return;
  if (event.target === boxOf(row)) {
    const anchor = named(anchorName);
    if (event.shiftKey && anchor) tickRange(anchor, row, event.target.checked);
    anchorName = row.dataset.row;
    tell();
  }
  if (event.target.closest("a, button") === null) moveTo(row, { focus: false });
});

document.addEventListener("reset", (event) => {
  if (event.target.matches("[data-list]")) setTimeout(tell);
});

/* The server drew the list again: find the current row in it. */
document.addEventListener("htmx:afterSettle", () => {
  const row = current();
  if (!row) return;
  mark(row);
  tell();
  if (document.activeElement === document.body) row.focus({ preventScroll: true });
});

function setDensity(name) {
  document.documentElement.dataset.density = name;
  for (const button of document.querySelectorAll("[data-density][type=button]")) {
    button.setAttribute("aria-pressed", String(button.dataset.density === name));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-density]");
  if (!button) return;
  localStorage.setItem(DENSITY, button.dataset.density);
  setDensity(button.dataset.density);
});

setDensity(localStorage.getItem(DENSITY) ?? "compact");
tell();

/* Somebody came back: the browser has given the ticks back, and the other scripts listen. */
window.addEventListener("pageshow", () => {
  tell();
  if (currentName) return;
  moveTo(named(history.state?.row) ?? (list()?.dataset.begin === undefined ? undefined : rows()[0]));
});
