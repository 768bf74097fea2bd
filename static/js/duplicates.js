/* Duplicates: keyboard shortcuts, question strips and the compared pair. */

import { announce, onKey } from "./shell.js";
import { Pair } from "./pair.js";

const root = document.querySelector("[data-pair]");
const pair = root ? new Pair(root) : null;

function press(selector) {
  const target = document.querySelector(selector);
  if (!target) return false;
  target.click();
  return true;
}

function ask(letter) {
  const strip = document.querySelector(`[data-ask="${letter}"]`);
  if (!strip) return false;
  strip.open = !strip.open;
  if (strip.open) strip.querySelector("input, button")?.focus();
  return true;
}

/* Close the open strip when another opens, because they would overlap. */
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".ask") || !event.target.open) return;
  for (const other of document.querySelectorAll(".ask[open]")) {
    if (other !== event.target) other.open = false;
  }
}, true);

/* Name the recording that the merge keeps. */
document.addEventListener("change", (event) => {
  const kept = document.querySelector("[data-merge-kept]");
  if (kept && event.target.name === "canonical") kept.textContent = event.target.dataset.title;
});

document.addEventListener("keydown", (event) => {
  const open = document.querySelector(".ask[open]");
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

onKey((event) => {
  const key = event.key.toLowerCase();
  const handled =
    (key === "j" && press("[data-next]")) ||
    (key === "k" && press("[data-previous]")) ||
    ("dz".includes(key) && press(`[data-verb="${key}"]`)) ||
    ("mst".includes(key) && ask(key)) ||
    (pair && key === "p" && press("[data-play]"));
  if (handled) event.preventDefault();
});

const said = document.querySelector("[data-problem] strong");
if (said) announce(said.textContent);
