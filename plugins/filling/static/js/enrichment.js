/* Suggestions: keys of one suggestion, and the key that undoes in their list. */

import { onKey, press } from "./shell.js";

onKey((event) => {
  const key = event.key.toLowerCase();
  const handled =
    (key === "j" && press("[data-next]")) ||
    (key === "k" && press("[data-previous]")) ||
    ("arz".includes(key) && press(`[data-verb="${key}"]`)) ||
    (key === "p" && press("[data-sound-play]"));
  if (handled) event.preventDefault();
});
