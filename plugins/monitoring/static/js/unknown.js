/* Unknown sound: keyboard shortcuts, the compared pair, the slider of a split. */

import { ask } from "./asks.js";
import { readTime } from "./interval_picker.js";
import "./lists.js";
import { Pair, clock, pressedOnPair } from "./pair.js";
import { announce, onKey, press } from "./shell.js";

const root = document.querySelector("[data-pair]");
const pair = root ? new Pair(root) : null;

/* The slider, the typed time and the line over the waveform show one place. */
function wireSplit(form) {
  const range = form.querySelector("[data-split-range]");
  const line = form.querySelector("[data-split-line]");
  const typed = form.elements.at;
  if (!range) return;
  const draw = () => {
    const [low, high] = [Number(range.min), Number(range.max)];
    const x = `${(100 * (Number(range.value) - low)) / (high - low || 1)}%`;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    range.setAttribute("aria-valuetext", clock(Number(range.value)));
  };
  const read = () => {
    const ms = readTime(typed.value);
    if (!Number.isNaN(ms)) range.value = String(ms);
    draw();
  };
  range.addEventListener("input", () => {
    typed.value = clock(Number(range.value));
    draw();
  });
  typed.addEventListener("input", read);
  if (!typed.value) typed.value = clock(Number(range.value));
  read();
}

for (const form of document.querySelectorAll("[data-split]")) wireSplit(form);

/* In the list, lists.js has the keys of rows and of the bar for ticked ones. */
const onList = document.querySelector("[data-list]") !== null;

onKey((event) => {
  const key = event.key.toLowerCase();
  const handled = onList
    ? key === "z" && !document.querySelector("[data-list] input:checked") && press("[data-verb=z]")
    : (key === "j" && press("[data-next]")) ||
      (key === "k" && press("[data-previous]")) ||
      ("wz".includes(key) && press(`[data-verb="${key}"]`)) ||
      ("naism".includes(key) && ask(key)) ||
      (key === "p" && press(pair ? "[data-play]" : "[data-best] [data-sound-play]")) ||
      pressedOnPair(pair, event);
  if (handled) event.preventDefault();
});

const problem = document.querySelector("[data-problem] strong");
if (problem) announce(problem.textContent);
