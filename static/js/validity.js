/* Says what is missing in a form beside its field, in the page's language.

   The browser's own messages are in the browser's language and vanish. The words stand in
   the template ``field-words``; the first faulty field gets the focus. */

const words = document.getElementById("field-words")?.dataset;
const DATES = ["date", "datetime-local", "month", "time"];

let isFirst = true;

const fill = (text, value) => text.replace("{}", value);

function missing(control) {
  if (control.dataset.missing) return control.dataset.missing;
  if (control.type === "file") return words.file;
  if (control.type === "checkbox") return words.tick;
  if (control.type === "radio" || control.tagName === "SELECT") return words.choose;
  return DATES.includes(control.type) ? words.date : words.missing;
}

/* Write a limit as people read it. */
function limit(control, value) {
  const { lang } = document.documentElement;
  const locale = lang === "en" ? "en-GB" : lang;
  if (control.type === "date") return new Date(`${value}T00:00Z`).toLocaleDateString(locale, { dateStyle: "medium", timeZone: "UTC" });
  return control.type === "number" ? Number(value).toLocaleString(locale) : value;
}

function messageOf(control) {
  const faults = control.validity;
  if (faults.customError) return control.validationMessage;
  if (faults.valueMissing) return missing(control);
  if (faults.badInput) return DATES.includes(control.type) ? words.date : words.number;
  if (faults.typeMismatch) return control.type === "url" ? words.url : words.email;
  if (faults.tooShort) return fill(words.short, control.minLength);
  if (faults.tooLong) return fill(words.long, control.maxLength);
  if (faults.rangeUnderflow) return fill(words.least, limit(control, control.min));
  if (faults.rangeOverflow) return fill(words.most, limit(control, control.max));
  if (faults.stepMismatch) return fill(words.step, control.step);
  return control.title || words.pattern;
}

/* The server names its own messages alike. */
const idOf = (control) => `${control.id || control.name}_error`;

/* Return where messages about a control stand; make it if there is none. */
function placeOf(control) {
  const place = control.form?.querySelector("[data-error]") ?? document.getElementById(idOf(control));
  if (place) return place;
  const around = control.closest(".field, fieldset, label") ?? control;
  const list = document.createElement("ul");
  list.className = "errorlist";
  list.id = idOf(control);
  if (around.matches(".field, fieldset")) around.append(list);
  else around.after(list);
  return list;
}

function show(control) {
  const place = placeOf(control);
  const message = messageOf(control);
  if (place.matches("ul")) {
    const line = document.createElement("li");
    line.textContent = message;
    place.replaceChildren(line);
  } else {
    place.textContent = message;
  }
  place.hidden = false;
  control.setAttribute("aria-invalid", "true");
  if (!place.id) return;
  const others = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== place.id);
  control.setAttribute("aria-describedby", [...others, place.id].join(" "));
}

function onInvalid(event) {
  const control = event.target;
  event.preventDefault();
  if (isFirst) {
    isFirst = false;
    setTimeout(() => { isFirst = true; });
    for (let fold = control.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
    control.focus();
  } else if (control.form?.querySelector("[data-error]")) {
    return;
  }
  show(control);
}

/* What was filled in is no longer said to be missing. */
function onInput(event) {
  const control = event.target;
  if (control.getAttribute("aria-invalid") !== "true" || !control.validity?.valid) return;
  document.getElementById(idOf(control))?.remove();
  const strip = control.form?.querySelector("[data-error]");
  if (strip) strip.hidden = true;
  control.removeAttribute("aria-invalid");
}

if (words) {
  document.addEventListener("invalid", onInvalid, true);
  for (const name of ["input", "change"]) document.addEventListener(name, onInput);
}
