/* Duplicates: keyboard shortcuts, question strips and audio players. */

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
  if (strip.open) strip.querySelector("input")?.focus();
  return true;
}

/* Close the open strip when another opens, because they would overlap. */
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".ask") || !event.target.open) return;
  for (const other of document.querySelectorAll(".ask[open]")) {
    if (other !== event.target) other.open = false;
  }
}, true);

/* Pause the other recordings when one plays. */
document.addEventListener("play", (event) => {
  if (!event.target.matches("[data-member]")) return;
  for (const other of document.querySelectorAll("[data-member]")) {
    if (other !== event.target) other.pause();
  }
}, true);

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
    ("mdz".includes(key) && press(`[data-verb="${key}"]`)) ||
    ("st".includes(key) && ask(key)) ||
    (pair && key === "p" && press("[data-play]"));
  if (handled) event.preventDefault();
});

const said = document.querySelector("[data-problem] strong");
if (said) announce(said.textContent);
