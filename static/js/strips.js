/* The strips above the decision bar, in which a verb asks for its reason.

   They work on the element with ``data-match``: the review page, or the preview beside a
   list. What people type is kept in this tab until it is saved. */

const panel = () => document.querySelector("[data-match]");
const find = (selector, within = panel()) => within?.querySelector(selector) ?? null;

export const openAsk = () => find(".ask[open]");

/* Focus the chosen answer, or else the first control. */
export function focusFirst(strip) {
  const first = find("[type=radio]:checked", strip) ?? find("[data-interval-handle], [type=radio], textarea, [data-undo-agreed]", strip);
  (first ?? find("input:not([type=hidden])", strip) ?? find("button, a", strip)).focus();
}

/* The letters of verbs that ask in a strip. Which of them a match offers depends on its
   state; a letter may stand for another verb in another state. */
export const LETTERS = "lrehwdb";

/* Open the strip of a letter; false if the match offers no such verb. */
export function openStrip(letter) {
  const ask = find(`.ask:not([inert]) > summary[aria-keyshortcuts=${letter.toUpperCase()}]`)?.parentElement;
  if (!ask) return false;
  ask.open = true;
  focusFirst(ask);
  return true;
}

/* Make the verbs of the match unavailable, and what they ask. */
export function disable(root, off) {
  for (const button of root.querySelectorAll(".bar__verbs form button")) button.disabled = off;
  for (const ask of root.querySelectorAll(".bar__verbs .ask")) {
    if (off) ask.open = false;
    ask.inert = off;
  }
}

export function closeStrip() {
  const ask = openAsk();
  if (!ask) return false;
  ask.open = false;
  find("summary", ask).focus();
  return true;
}

/* Choose the answer with this number; false if there is none. */
export function pick(ask, digit) {
  const radio = ask.querySelectorAll("[type=radio]")[digit - 1];
  if (!radio) return false;
  radio.checked = true;
  radio.focus();
  nameReason(ask);
  return true;
}

/* Name the chosen reason on the button. */
function nameReason(ask) {
  const label = find("[data-reject-label]", ask);
  const chosen = ask.querySelector("[name=code]:checked");
  if (!label || !chosen) return;
  const words = chosen.closest("label").querySelector("span").textContent;
  label.textContent = label.dataset.with.replace("{reason}", document.documentElement.lang === "en" ? words.toLowerCase() : words);
}

export function focusNote() {
  const field = find("#note-line");
  if (!field) return;
  const fold = field.closest("details");
  if (fold) fold.open = true;
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}

function onKey(event) {
  const ask = event.target.closest?.(".ask");
  if (event.key === "Escape" && closeStrip()) {
    event.preventDefault();
  } else if (event.key === "Escape" && event.target.matches("#note-line")) {
    event.target.blur();
  } else if (ask && event.target.matches("[type=radio]") && /^[1-9]$/.test(event.key)) {
    if (pick(ask, Number(event.key))) event.preventDefault();
  } else if (ask && event.target.matches("textarea") && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
}

const draftKey = (uid, name) => `acrportal.draft.${uid}.${name}`;

export function dropDraft(uid, name) {
  sessionStorage.removeItem(draftKey(uid, name));
}

export function restoreDrafts(root) {
  for (const field of root.querySelectorAll("[data-draft]")) {
    const draft = sessionStorage.getItem(draftKey(root.dataset.uid, field.dataset.draft));
    if (draft && !field.value) field.value = draft;
  }
}

const refilled = new Set();
/* What the page says of the match itself. */
const OWN = ["verb", "version", "standing", "seen", "leaves"];

/* Open the strip of a refused decision once, as it was filled in. */
export function refill(root, { name, verb, fields, refused }) {
  const form = find(verb ? `.ask [data-decide="${verb}"]` : "[data-note-form]", root);
  if (!form || refilled.has(name)) return;
  refilled.add(name);
  for (const [key, value] of fields) {
    if (OWN.includes(key)) continue;
    for (const field of form.querySelectorAll(`[name="${CSS.escape(key)}"]`)) {
      if (field.matches("[type=radio], [type=checkbox]")) field.checked = field.value === value;
      else field.value = value;
    }
  }
  const ask = form.closest(".ask");
  const error = find("[data-error]", form);
  if (ask) ask.open = true;
  if (ask) nameReason(ask);
  if (!error) return;
  error.textContent = refused;
  error.hidden = false;
}

/* Call ``typed`` whenever the user types something that is kept. */
export function keepDrafts(typed) {
  document.addEventListener("input", (event) => {
    const { draft } = event.target.dataset ?? {};
    if (!draft || !panel()?.contains(event.target)) return;
    sessionStorage.setItem(draftKey(panel().dataset.uid, draft), event.target.value);
    typed();
  });
}

/* Prepare the strips of a match that was just drawn; ``opened`` is called with a strip. */
export function wire(root, opened) {
  for (const ask of root.querySelectorAll(".ask")) {
    ask.addEventListener("toggle", () => {
      const strip = find(".strip", ask);
      if (!ask.open) return;
      opened(strip);
      if (!strip.contains(document.activeElement)) focusFirst(strip);
    });
    ask.addEventListener("change", () => nameReason(ask));
  }
}

document.addEventListener("keydown", onKey);

/* The next match comes in the place of a decided one, and the second click of a double
   click would decide that one, too. */
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("[data-decide] button, form[data-undo] button")) event.preventDefault();
}, { capture: true });
