/* Bars whose verbs ask in a strip: one strip is open at a time, Escape closes it. */

/* Open or close the strip of a letter; false if there is none. */
export function ask(letter) {
  const strip = document.querySelector(`[data-ask="${letter}"]`);
  if (!strip) return false;
  strip.open = !strip.open;
  if (strip.open) strip.querySelector("input:not([type=hidden]), button")?.focus();
  return true;
}

/* Close the open strip when another opens, because they would overlap. */
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".ask") || !event.target.open) return;
  for (const other of document.querySelectorAll(".ask[open]")) {
    if (other !== event.target) other.open = false;
  }
}, true);

document.addEventListener("keydown", (event) => {
  const open = document.querySelector(".ask[open]");
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

/* Digits choose an answer of the open strip. */
document.addEventListener("keydown", (event) => {
  const open = document.querySelector(".ask[open]");
  const types = event.target.matches("input:not([type=radio]), textarea, select");
  if (!open || types || event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
  const radio = open.querySelectorAll("[type=radio]")[event.key - 1];
  if (!radio) return;
  event.preventDefault();
  radio.checked = true;
  radio.focus();
});
