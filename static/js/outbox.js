/* The outbox: every decision waits here, in this browser and under its user's key, until
   the portal has answered it. It is sent again by itself, also after a reload and from
   another page; its name lets the portal know a decision that it has already made. A
   refused decision stays, with what was typed, until its match is decided or the user
   dismisses it. */

import { plural, post, say } from "./server.js";

const user = document.body.dataset.user ?? "";
const PREFIX = `acrportal.outbox.${user}.`;
const box = document.querySelector("[data-outbox]");
const AGAIN_MS = [2_000, 5_000, 10_000, 30_000];
/* Most answers come sooner than anybody could read that one is missing. */
const SHOWN_AFTER_MS = 3_000;
/* The portal cannot take this user's decisions at the moment, whichever they are. */
const STOPPING = ["offline", "signed_out", "other_user"];

/* The decisions of this page, newest last, for the key that takes one back. */
const ours = [];
const outcomes = new Map();
/* Names of decisions that were taken back here. */
const taken = new Set();
/* Decisions of this page that wait for its earlier requests, such as the review lock. */
const unready = new Set();
let sending = Promise.resolve();
let failures = 0;
let timer = 0;
/* Why what waits is not sent. */
let problem = { code: "", message: "" };

const keyOf = (name) => PREFIX + name;
const read = (name) => JSON.parse(localStorage.getItem(keyOf(name)) ?? "null");

function entries() {
  const names = Object.keys(localStorage).filter((key) => user && key.startsWith(PREFIX));
  return names.map((key) => JSON.parse(localStorage.getItem(key))).sort((a, b) => a.at - b.at);
}

const waiting = () => entries().filter((entry) => !entry.refused);
const ready = () => waiting().filter((entry) => !unready.has(entry.name));
const refused = () => entries().filter((entry) => entry.refused);

function keep(entry) {
  localStorage.setItem(keyOf(entry.name), JSON.stringify(entry));
  draw();
}

function drop(name) {
  localStorage.removeItem(keyOf(name));
  draw();
}

/* Notes, and corrections of the estimate of speech, decide nothing. */
const decides = (entry) => Boolean(entry.verb);

/* The decision about a match that waits to be sent, or the refused one. */
export const waitingOf = (uid) => waiting().find((entry) => entry.uid === uid && decides(entry) && !entry.takenBack);
export const refusedOf = (uid) => refused().findLast((entry) => entry.uid === uid);
export const isWaiting = () => waiting().length > 0;
export const anyRefused = () => refused().length > 0;

/* Putting in ------------------------------------------------------------------- */

function add(entry) {
  const name = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const at = Math.max(Date.now(), ...entries().map((other) => other.at + 1));
  const stored = { ...entry, name, at, tries: 0, refused: "" };
  keep(stored);
  return stored;
}

/* Put a form's decision into the outbox. ``about`` names its match: uid, title, source,
   href; ``fields`` replace those of the form. */
export function put(form, about, fields = {}) {
  const data = new FormData(form);
  data.delete("csrfmiddlewaretoken");
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  const entry = add({
    ...about,
    address: form.getAttribute("action"),
    verb: form.dataset.decide ?? data.get("verb") ?? "",
    what: form.dataset.label ?? "",
    typed: data.get("note") ?? "",
    fields: [...data],
  });
  if (decides(entry) && entry.verb !== "undo") ours.push(entry.name);
  unready.add(entry.name);
  return entry;
}

/* Forget what was refused about a match: somebody decides it now, or reads it no more. */
function forget(uid) {
  for (const entry of refused()) if (entry.uid === uid) drop(entry.name);
}

/* Sending ---------------------------------------------------------------------- */

/* Send what waits and return what came of a decision: ``answer``, ``refused``, ``takenBack``,
   or nothing of these while it is kept. */
export async function deliver(name) {
  unready.delete(name);
  await send();
  const outcome = outcomes.get(name) ?? (read(name) ? {} : { answer: {} });
  outcomes.delete(name);
  return taken.has(name) ? { takenBack: true } : outcome;
}

function send() {
  sending = sending.then(alone).catch(() => {});
  return sending;
}

/* One tab at a time, where the browser can tell; else the portal knows repeated names. */
const alone = () => navigator.locks?.request(PREFIX, sendAll) ?? sendAll();

async function sendAll() {
  const passed = new Set();
  for (const { name } of ready()) {
    const entry = read(name);
    // Decisions about one match keep their order.
    if (!entry || passed.has(entry.uid)) continue;
    keep({ ...entry, tries: entry.tries + 1 });
    try {
      const { address, fields } = entry.takenBack ? takingBack(entry) : entry;
      const named = [...fields, ["name", entry.name]];
      const answer = await post(address, named, { keepalive: true, sentBy: user });
      finish(entry, answer);
    } catch (fault) {
      if (!isPassing(fault)) {
        refuse(entry, fault);
        continue;
      }
      problem = { code: fault.code, message: STOPPING.includes(fault.code) ? fault.message : say("busy") };
      failures += 1;
      passed.add(entry.uid);
      if (STOPPING.includes(fault.code)) break;
    }
  }
  draw();
  plan();
}

const isPassing = ({ code, status }) => STOPPING.includes(code) || status >= 500 || status === 429 || status === 408;

/* What was tried may have arrived without its answer. If so the portal undoes it, and else it
   sees to it that it is never made. */
function takingBack(entry) {
  const address = entry.address.replace(/^(\/m\/[^/?]+)\/[^?]*/, "$1/take-back");
  const fields = entry.fields.filter(([name]) => name !== "verb");
  return { address, fields: [...fields, ["verb", "undo"]] };
}

function finish(entry, answer) {
  const now = read(entry.name);
  failures = 0;
  // It was taken back while it was on its way, and has arrived.
  if (now?.takenBack && !entry.takenBack) {
    setTimeout(send);
    return;
  }
  drop(entry.name);
  if (entry.takenBack && answer.undone) renew(entry, answer);
  if (!entry.takenBack && decides(entry)) forget(entry.uid);
  outcomes.set(entry.name, { answer });
  tell("saved", { entry, answer });
}

/* What was decided about the match since is about the version that the undo leaves. */
function renew({ uid }, { version }) {
  for (const entry of waiting().filter((entry) => entry.uid === uid)) {
    keep({ ...entry, fields: entry.fields.map(([name, value]) => [name, name === "version" ? String(version) : value]) });
  }
}

function refuse(entry, fault) {
  const now = read(entry.name);
  outcomes.set(entry.name, { refused: fault });
  // It was taken back while it was on its way, and was not made.
  if (!now || (now.takenBack && !entry.takenBack)) {
    drop(entry.name);
    return;
  }
  const href = fault.code === "ask_first" ? asking(entry.href) : entry.href;
  keep({ ...now, href, refused: fault.message, code: fault.code });
  tell("refused", { entry, refused: fault });
}

function asking(href) {
  const url = new URL(href, location.href);
  url.searchParams.set("ask", "undo");
  return url.pathname + url.search;
}

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`outbox:${name}`, { detail }));

/* The page shows the refusal itself. */
export const shown = (name) => drop(name);

/* Take back the newest decision of this page that is not sent, and return it. */
export function takeBack() {
  const entry = ours.map(read).findLast((entry) => entry && !entry.refused && !entry.takenBack);
  if (entry) withdraw(entry);
  return entry;
}

/* Send a decision no more, and undo it if it has arrived. Of notes and corrections, and of
   what was taken back already, nothing can be undone. */
function withdraw(entry) {
  if (entry.tries && decides(entry) && !entry.takenBack) keep({ ...entry, takenBack: true });
  else drop(entry.name);
  taken.add(entry.name);
  tell("taken", { entry });
  send();
}

/* Plan the next attempt. */
function plan() {
  clearTimeout(timer);
  if (ready().length) timer = setTimeout(send, AGAIN_MS[Math.min(failures, AGAIN_MS.length) - 1] ?? AGAIN_MS[0]);
}

/* Showing ---------------------------------------------------------------------- */

function card(entry) {
  const node = box.querySelector("[data-refusal-card]").content.firstElementChild.cloneNode(true);
  const find = (name) => node.querySelector(`[data-refusal-${name}]`);
  node.dataset.refusal = entry.name;
  for (const link of node.querySelectorAll("a")) link.href = entry.href;
  find("about").textContent = entry.title;
  find("source").textContent = entry.source;
  find("message").textContent = entry.refused;
  find("typed").hidden = !entry.typed;
  find("words").textContent = entry.typed;
  find("dismiss").setAttribute("aria-label", box.dataset.dismiss.replace("{title}", entry.title));
  return node;
}

function line(entry) {
  const node = box.querySelector("[data-unsent-line]").content.firstElementChild.cloneNode(true);
  const link = node.querySelector("a");
  link.href = entry.href;
  link.textContent = entry.title;
  node.querySelector("[data-unsent-what]").textContent = entry.takenBack ? say("takenBack") : entry.what;
  node.querySelector("[data-unsent-source]").textContent = entry.source;
  node.querySelector("button").dataset.unsentDiscard = entry.name;
  return node;
}

function draw() {
  if (!box) return;
  const cards = refused();
  for (const node of box.querySelectorAll("[data-refusal]")) {
    if (!cards.some((entry) => entry.name === node.dataset.refusal)) node.remove();
  }
  for (const entry of cards) {
    if (!box.querySelector(`[data-refusal="${CSS.escape(entry.name)}"]`)) box.append(card(entry));
  }
  const late = waiting().filter((entry) => failures > 0 || Date.now() - entry.at > SHOWN_AFTER_MS);
  drawUnsent(late);
  box.hidden = cards.length + late.length === 0;
}

function drawUnsent(late) {
  const unsent = box.querySelector("[data-unsent]");
  const count = late.length ? plural("unsent", late.length) : "";
  const text = unsent.querySelector("[data-unsent-count]");
  unsent.hidden = !late.length;
  if (text.textContent !== count) text.textContent = count;
  unsent.querySelector("[data-unsent-why]").textContent = problem.message;
  unsent.querySelector("[data-unsent-sign-in]").hidden = !["signed_out", "other_user"].includes(problem.code);
  const names = late.map((entry) => entry.name + Boolean(entry.takenBack)).join();
  const list = unsent.querySelector("ul");
  if (list.dataset.names === names) return;
  list.dataset.names = names;
  list.replaceChildren(...late.map(line));
}

function onClick(event) {
  const button = event.target.closest("button");
  if (button?.matches("[data-unsent-now]")) send();
  else if (button?.dataset.unsentDiscard) withdraw(read(button.dataset.unsentDiscard));
  else if (button?.matches("[data-refusal-dismiss]")) drop(button.closest("[data-refusal]").dataset.refusal);
  else return;
  if (!button.isConnected) (box.querySelector("[data-refusal-dismiss]") ?? document.getElementById("main")).focus({ preventScroll: true });
}

/* Another tab has kept a decision, or has its answer. */
function onStorage({ key, oldValue, newValue }) {
  if (!key?.startsWith(PREFIX)) return;
  draw();
  const entry = JSON.parse(oldValue ?? "null");
  if (entry && !newValue && !entry.refused) tell("saved", { entry, answer: {} });
}

if (box) {
  box.addEventListener("click", onClick);
  for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, () => waiting().length && send());
  window.addEventListener("storage", onStorage);
  setInterval(() => waiting().length && draw(), SHOWN_AFTER_MS);
  draw();
}
