/* Duplicates: keyboard shortcuts, question strips and the compared pair. */

import { ask } from "./asks.js";
import { announce, onKey, press } from "./shell.js";
import { Pair, pressedOnPair } from "./pair.js";

const root = document.querySelector("[data-pair]");
const pair = root ? new Pair(root) : null;

/* Name the recording that the merge keeps, and why only if it is the proposed one. */
document.addEventListener("change", (event) => {
  const title = document.querySelector("[data-merge-kept]");
  const why = document.querySelector("[data-merge-why]");
  if (!title || event.target.name !== "canonical") return;
  title.textContent = event.target.dataset.title;
  if (why) why.hidden = !event.target.defaultChecked;
});

/* The sounds of a group: which one was heard last. */
const sounds = [...document.querySelectorAll(".dups__members [data-sound]:has([data-sound-play])")];
let heard = 0;

document.addEventListener("play", (event) => {
  const at = sounds.findIndex((sound) => sound.contains(event.target));
  if (at >= 0) heard = at;
}, true);

/* Play or pause a recording of the group; ``by`` goes on to the next one, which starts at
   the same instant. False if there is none. */
function hear(by) {
  if (!sounds.length) return false;
  sounds[(heard + by) % sounds.length].querySelector("[data-sound-play]").click();
  return true;
}

onKey((event) => {
  const key = event.key.toLowerCase();
  const handled =
    (key === "j" && press("[data-next]")) ||
    (key === "k" && press("[data-previous]")) ||
    ("dz".includes(key) && press(`[data-verb="${key}"]`)) ||
    ("mst".includes(key) && ask(key)) ||
    (pair && key === "p" && press("[data-play]")) ||
    (!pair && key === "p" && hear(0)) ||
    (!pair && key === "a" && hear(1)) ||
    pressedOnPair(pair, event);
  if (handled) event.preventDefault();
});

const problem = document.querySelector("[data-problem] strong");
if (problem) announce(problem.textContent);
