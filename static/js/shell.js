/* Shared by every page: shortcuts, dialogs, announcements, self-submitting forms. */

import { onChoice } from "./choosing.js";
import "./outbox.js";
import "./validity.js";

/* Store the setting per user, because several users may share a browser. */
const KEYS_OFF = `acrportal.keys.${document.body.dataset.user ?? ""}`;
const GOTO = {
  d: "dashboard", u: "upload", m: "matches", s: "statements", f: "files", c: "catalogue", r: "reports",
};
const ANNOUNCE_EVERY_MS = 10_000;
const PRESSED = "acrportal.pressed";
const POSTED = "acrportal.posted";

export const keysAreOn = () => localStorage.getItem(KEYS_OFF) !== "off";

/* Radio buttons take no letters; those of a strip answer its question first. */
const choosing = ({ target, key }) => /^\S$/.test(key) && target.matches("input[type=radio]:not(.ask *)");

export function typing(event) {
  const at = event.target;
  return (
    event.ctrlKey || event.metaKey || event.altKey ||
    at.isContentEditable ||
    (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) && !at.matches("[data-list] input[type=checkbox]") && !choosing(event)) ||
    document.querySelector("dialog[open]") !== null
  );
}

export function onKey(handler) {
  document.addEventListener("keydown", (event) => {
    if (!event.defaultPrevented && keysAreOn() && !typing(event)) handler(event);
  });
}

/* Press a button of the page; false if it is not there. */
export function press(selector) {
  const target = document.querySelector(selector);
  if (!target) return false;
  target.click();
  return true;
}

let lastAnnounced = { text: "", at: 0, word: "" };

/* Announce new text at once, but changed numbers at most every ten seconds. */
export function announce(text) {
  const live = document.getElementById("live");
  const word = text.replace(/[\d.,]+/g, "");
  const now = Date.now();
  if (!live || text === lastAnnounced.text) return;
  if (word === lastAnnounced.word && now - lastAnnounced.at < ANNOUNCE_EVERY_MS) return;
  live.textContent = text;
  lastAnnounced = { text, at: now, word };
}

/* Scroll the current tab into view where tabs overflow a narrow screen. */
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = tab.closest(".tabs");
  if (tab.offsetLeft + tab.offsetWidth > tabs.offsetLeft + tabs.clientWidth) {
    tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft;
  }
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  if (id === "key-list") sortKeys(dialog);
  dialog.showModal();
}

/* List the keys of this page first and fold the others. */
function sortKeys(dialog) {
  const here = dialog.querySelector("[data-keys-here]");
  const rest = dialog.querySelector("[data-keys-rest]");
  for (const section of dialog.querySelectorAll("section")) {
    const fits = !section.dataset.where || document.querySelector(section.dataset.where);
    (fits ? here : rest.querySelector("div")).append(section);
  }
  rest.hidden = !rest.querySelector("section");
  rest.open = false;
}

const openMenu = () => document.querySelector("details.menu[open]");

/* Escape closes a menu and returns to the button that opened it. */
document.addEventListener("keydown", (event) => {
  const menu = openMenu();
  if (event.key !== "Escape" || event.defaultPrevented || !menu) return;
  event.preventDefault();
  menu.open = false;
  menu.querySelector("summary").focus();
});

/* A menu, or the navigation of a narrow window, closes when the focus leaves it: it would
   cover what has the focus then. */
document.addEventListener("focusin", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(event.target)) menu.open = false;
  const popover = document.querySelector("[popover]:popover-open");
  const isOpener = event.target.popoverTargetElement === popover;
  if (popover && !isOpener && !popover.contains(event.target)) popover.hidePopover();
});

/* Ctrl and Enter send the form from any of its fields, as Enter does from a line of text. */
document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select");
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
  if (field?.form?.getAttribute("method")?.toLowerCase() !== "post") return;
  const button = [...field.form.elements].find((control) => control.type === "submit");
  if (!button || button.disabled) return;
  event.preventDefault();
  field.form.requestSubmit(button);
});

/* Enter in a tick box presses the first button of its form. Where each button is an act of
   its own, it presses the one that stands with the boxes, or none beside several. */
document.addEventListener("keydown", (event) => {
  const box = event.target;
  if (event.key !== "Enter" || event.defaultPrevented || !box.matches("input[type=checkbox], input[type=radio]")) return;
  const acts = [...(box.form?.elements ?? [])].filter((control) => control.type === "submit");
  if (acts.length < 2 || !acts[0].name) return;
  event.preventDefault();
  let around = box;
  while (!acts.some((act) => around.contains(act)) && around.parentElement) around = around.parentElement;
  const near = acts.filter((act) => around.contains(act));
  if (near.length === 1) near[0].click();
});

let awaitingGoto = 0;

function goTo(letter) {
  const name = GOTO[letter];
  const link = name && document.querySelector(`.nav a[data-goto="${name}"]`);
  if (link) link.click();
  return Boolean(link);
}

onKey((event) => {
  const key = event.key.toLowerCase();
  if (Date.now() - awaitingGoto < 1500) {
    awaitingGoto = 0;
    if (goTo(key)) event.preventDefault();
    return;
  }
  if (event.key === "?") {
    event.preventDefault();
    openDialog("key-list");
  } else if (event.shiftKey && key === "z") {
    if (press('.nav a[data-goto="decisions"]')) event.preventDefault();
  } else if (key === "f" && document.querySelector("[data-key-filter]")) {
    event.preventDefault();
    document.querySelector("[data-key-filter]").focus();
  } else if (key === "g") {
    awaitingGoto = Date.now();
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open-dialog]");
  if (opener) openDialog(opener.dataset.openDialog);
  const menu = openMenu();
  if (menu && !menu.contains(event.target)) menu.open = false;
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-keys-switch]")) {
    localStorage.setItem(KEYS_OFF, event.target.checked ? "on" : "off");
  }
});

onChoice(document, "[data-autosubmit] select", (field) => field.form.requestSubmit(), (field) => field.form);

/* Leave empty filter fields out of the URL. */
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-autosubmit]")) return;
  for (const field of event.target.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
});

/* The zone of days belongs in the URL only beside days. */
function keepZones() {
  for (const zone of document.querySelectorAll("form[data-autosubmit] input[name=zone]")) {
    zone.disabled = ![...zone.form.querySelectorAll("input[type=date]")].some((day) => day.value);
  }
}
document.addEventListener("input", keepZones);
keepZones();

/* Enable those fields again when the browser restores the page from its cache. */
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-autosubmit] :disabled")) field.disabled = false;
  keepZones();
});

/* Reload if the request was redirected, for example to the sign-in page. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = new URL(event.detail.xhr.responseURL || location.href);
  const requested = new URL(event.detail.pathInfo.requestPath, location.href);
  if (answered.pathname === requested.pathname) return;
  event.detail.shouldSwap = false;
  location.reload();
});

/* Reload if the page itself is gone: somebody deleted what it shows. */
document.addEventListener("htmx:responseError", (event) => {
  const requested = new URL(event.detail.pathInfo.requestPath, location.href);
  if (event.detail.xhr.status === 404 && requested.pathname === location.pathname) location.reload();
});

document.addEventListener("htmx:afterSwap", () => {
  const source = document.querySelector("[data-announce]");
  if (source) announce(source.dataset.announce);
});

const keysSwitch = document.querySelector("[data-keys-switch]");
if (keysSwitch) keysSwitch.checked = keysAreOn();

/* Where keys led to a form, they go on in its first answer or, if none is needed, on its
   button; if that one deletes, on the way back. */
function focusForm(form) {
  const field = form.querySelector(":is(input, select):not([type=hidden], [hidden]), [required]");
  (field ?? form.querySelector(".btn--primary") ?? form.querySelector("[data-back]"))?.focus();
}

/* A button that leads back to its page keeps the focus of the keyboard, wherever its row
   has moved; the other button of its form takes it if there is no further to go. */
function focusPressed(pressed) {
  const fits = (button) =>
    button.form?.getAttribute("action") === pressed.action && button.value === pressed.value;
  const button = [...document.querySelectorAll("button")].find(fits);
  const free = button?.disabled ? button.form.querySelector("button:not(:disabled)") : button;
  free?.focus();
}

document.addEventListener("submit", (event) => {
  const { submitter: button, defaultPrevented } = event;
  if (defaultPrevented || !button?.matches("button:focus-visible")) return;
  const action = event.target.getAttribute("action");
  sessionStorage.setItem(PRESSED, JSON.stringify({ page: location.pathname, action, value: button.value }));
});

let isLeaving = false;

/* The browser cannot go back to a page that answers a form, for it would send the form again. */
if (document.body.dataset.posted !== undefined) sessionStorage.setItem(POSTED, location.href);
else if (sessionStorage.getItem(POSTED) === location.href) sessionStorage.removeItem(POSTED);

/* Return to the list as it was left, with its ticks, if the list is the previous page. */
function goBack(event) {
  const { href } = event.currentTarget;
  if (document.referrer !== href || sessionStorage.getItem(POSTED) === href) return;
  event.preventDefault();
  if (!isLeaving) history.back();
  isLeaving = true;
}

const holdsText = (field) => field.matches("input:not([type=radio]), textarea") && Boolean(field.value || field.closest(".picker")?.querySelector("li button"));

/* Digits choose the reason. Escape leaves a field that was filled in, and then the form. */
function keysOfForm(form, back) {
  onKey((event) => {
    const radio = /^[1-9]$/.test(event.key) && form.querySelectorAll(".codes [type=radio]")[event.key - 1];
    if (!radio) return;
    event.preventDefault();
    radio.checked = true;
    radio.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (holdsText(event.target)) event.target.blur();
    else back.click();
  });
  back.addEventListener("click", goBack);
}

const place = document.querySelector("[data-focus]");
const form = document.querySelector("[data-focus-form]");
const pressed = JSON.parse(sessionStorage.getItem(PRESSED) ?? "null");
sessionStorage.removeItem(PRESSED);
if (place) place.focus();
// After the pickers have replaced their fields.
else if (form) document.addEventListener("DOMContentLoaded", () => focusForm(form));
else if (pressed?.page === location.pathname) focusPressed(pressed);
if (form) keysOfForm(form, form.querySelector("[data-back]"));
