/* Duplicates: keyboard shortcuts, question strips and the compared pair. */

import { ask } from "./asks.js";
import { announce, onKey, press } from "./shell.js";
import { Pair, pressedOnPair } from "./pair.js";

const root = document.querySelector("[data-pair]");
const pair = root ? new Pair(root) : null;

/* Name the recording that the merge keeps. */
document.addEventListener("change", (event) => {
  const kept = document.querySelector("[data-merge-kept]");
  if (kept && event.target.name === "canonical") kept.textContent = event.target.dataset.title;
});

onKey((event) => {
  const key = event.key.toLowerCase();
  const handled =
    (key === "j" && press("[data-next]")) ||
    (key === "k" && press("[data-previous]")) ||
    ("dz".includes(key) && press(`[data-verb="${key}"]`)) ||
    ("mst".includes(key) && ask(key)) ||
    (pair && key === "p" && press("[data-play]")) ||
    pressedOnPair(pair, event);
  if (handled) event.preventDefault();
});

const said = document.querySelector("[data-problem] strong");
if (said) announce(said.textContent);
