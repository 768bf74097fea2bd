/* The queue: keyboard navigation, range selection and row height. */

const DENSITY = "acrportal.density";
const LOCKS_EVERY_MS = 20_000;

const form = document.querySelector("[data-queue]");
const rows = form ? [...form.querySelectorAll("[data-row]")] : [];
const boxes = rows.map((row) => row.querySelector("input[type=checkbox]"));
let current = -1;
let anchor = -1;

function moveTo(index) {
  if (index < 0 || index >= rows.length) return;
  rows[current]?.classList.remove("is-current");
  current = index;
  rows[current].classList.add("is-current");
  rows[current].tabIndex = -1;
  rows[current].focus();
  rows[current].scrollIntoView({ block: "nearest" });
}

function tell() {
  const count = form.querySelector("[data-count]");
  if (!count) return;
  const everything = form.querySelector("[data-all]");
  const ticked = boxes.filter((box) => box?.checked).length;
  if (everything && ticked < boxes.length) everything.checked = false;
  const chosen = everything?.checked ? Number(form.dataset.total) : ticked;
  const limit = Number(form.dataset.limit);
  const words = chosen > limit ? count.dataset.tooMany : chosen === 1 ? count.dataset.one : count.dataset.many;
  count.textContent = words.replace("{n}", everything?.checked ? form.dataset.totalWords : chosen).replace("{limit}", limit);
  const all = form.querySelector("[data-select-all]");
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
  if (everything) everything.parentNode.hidden = ticked < boxes.length;
}

function setRange(from, to, on) {
  for (let index = Math.min(from, to); index <= Math.max(from, to); index += 1) {
    if (boxes[index]) boxes[index].checked = on;
  }
}

function toggle(index) {
  if (!boxes[index]) return;
  boxes[index].checked = !boxes[index].checked;
  anchor = index;
  tell();
}

function onArrow(event, step) {
  const next = Math.min(Math.max(current + step, 0), rows.length - 1);
  if (event.shiftKey) {
    if (anchor < 0) anchor = Math.max(current, 0);
    setRange(0, boxes.length - 1, false);
    setRange(anchor, next, true);
    tell();
  }
  moveTo(next);
}

function busy(event) {
  const at = event.target;
  const typing = at.matches("input:not([type=checkbox]), textarea, select");
  return event.defaultPrevented || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");
}

function onKey(event) {
  if (busy(event)) return;
  const onRow = event.target.matches("[data-row]");
  const actions = {
    ArrowDown: () => onArrow(event, 1),
    ArrowUp: () => onArrow(event, -1),
    " ": onRow && (() => toggle(current)),
    Enter: onRow && (() => rows[current].querySelector("[data-open]").click()),
    x: onRow && (() => rows[current].querySelector("[data-proposal-link]")?.click()),
    Escape: () => { form.reset(); tell(); },
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function listen() {
  document.addEventListener("keydown", onKey);
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) setRange(0, boxes.length - 1, event.target.checked);
    tell();
  });
  form.addEventListener("click", (event) => {
    const index = boxes.indexOf(event.target);
    if (index < 0) return;
    if (event.shiftKey && anchor >= 0) setRange(anchor, index, event.target.checked);
    anchor = index;
    tell();
  });
  form.addEventListener("reset", () => setTimeout(tell));
  tell();
}

/* Poll for review locks while the list is open; update nothing else in a row. */
async function seeLocks() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { "X-Look-Ahead": "yes" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const row of rows) {
    const fresh = page.querySelector(`[data-row="${row.dataset.row}"] .cell-lock`);
    if (fresh) row.querySelector(".cell-lock").replaceWith(document.adoptNode(fresh));
  }
}

/* A proposed exclusion opens above the list, so scroll there. */
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "proposal") return;
  event.detail.target.scrollIntoView({ block: "center" });
  event.detail.target.querySelector("#proposal-title").focus({ preventScroll: true });
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
if (form) {
  listen();
  setInterval(seeLocks, LOCKS_EVERY_MS);
}
