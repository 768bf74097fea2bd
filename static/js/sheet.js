/* The cue sheet of a file: the keys of its steps. Rows have the keys of every list. */

import { ask } from "./asks.js";
import { onKey, press } from "./shell.js";

onKey((event) => {
  const key = event.key.toLowerCase();
  if (!/^[a-z]$/.test(key)) return;
  if (press(`[data-step="${key}"]:enabled`) || ask(key)) event.preventDefault();
});
