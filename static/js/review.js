/* Review one match: keys, decisions that lead straight to the next match, the lock. */

import { announce, onKey } from "./shell.js";
import { clock, Pair } from "./pair.js";
import { getJson, getPage, post, say } from "./server.js";
import { Stretch } from "./stretch.js";

const PARTS = ["#review-top", "#review", ".crumbs__list"];
const POLL_MS = 15_000;
const RENEW_MS = 60_000;
const WARN_MS = 120_000;
const LAST_CALL_MS = 30_000;
const UNDO_TICK_MS = 1000;

let root = null;
let pair = null;
let stretch = null;
let ahead = { address: "", parts: null };
let held = { until: 0, mine: false, renewed: 0 };
/* What is on its way to the server; the next thing waits for it. */
let pending = Promise.resolve();

const $ = (selector, within = root) => within.querySelector(selector);
const openAsk = () => $(".ask[open]");

/* Pages ---------------------------------------------------------------------- */

function partsOf(page) {
  const nodes = PARTS.map((selector) => page.querySelector(selector));
  if (nodes.some((node) => !node)) return null;
  return { title: page.title, nodes: nodes.map((node) => document.adoptNode(node)) };
}

async function lookAhead() {
  const address = root.dataset.next;
  if (!address || ahead.address === address) return;
  ahead = { address, parts: null };
  try {
    const parts = partsOf(await getPage(address, { ahead: true }));
    if (ahead.address === address) ahead.parts = parts;
  } catch {
    ahead = { address: "", parts: null };
  }
}

function show(parts, address, { push = true } = {}) {
  const undone = $("[data-last]");
  pair?.stop();
  PARTS.forEach((selector, index) => document.querySelector(selector).replaceWith(parts.nodes[index]));
  document.title = parts.title;
  if (push) history.pushState({}, "", address);
  scrollTo(0, 0);
  start();
  if (undone) $("[data-last]")?.replaceWith(undone);
  document.getElementById("main").focus({ preventScroll: true });
  announce(parts.title);
}

/* Open a match: at once if it was fetched ahead; then the lock is taken, and told. */
async function go(address, { push = true } = {}) {
  if (!address) return;
  if (ahead.address === address && ahead.parts) {
    const { parts } = ahead;
    ahead = { address: "", parts: null };
    show(parts, address, { push });
    pending = pending.then(takeLock);
    await pending;
  } else {
    await pending;
    const parts = partsOf(await getPage(address));
    if (!parts) {
      location.assign(address);
      return;
    }
    show(parts, address, { push });
  }
  lookAhead();
}

/* Going on without a decision gives the match back. */
function leave(address) {
  if (!address) return;
  const release = held.mine ? root.dataset.release : "";
  if (release) pending = pending.then(() => post(release, {}).catch(() => {}));
  go(address).catch(fault);
}

/* Segments ---------------------------------------------------------------------- */

async function choose(address, play = pair?.playing) {
  const page = await getPage(address, { ahead: true });
  pair?.stop();
  for (const selector of ["#pair", ".ribbon--review", "#plot", "#segments .table-wrap"]) {
    const node = page.querySelector(selector);
    if (node) $(selector)?.replaceWith(document.adoptNode(node));
  }
  history.replaceState({}, "", address);
  startPair();
  if (play) pair?.play();
  announce($(".pair__which strong").textContent);
}

/* Faults --------------------------------------------------------------------------- */

function fault(refused, address = "") {
  const bar = $("[data-fault]");
  $("[data-fault-message]").textContent = refused.message;
  const link = $("[data-fault-link]");
  link.href = refused.code === "signed_out" ? `/accounts/login/?next=${encodeURIComponent(location.pathname)}` : address || location.href;
  link.target = refused.code === "signed_out" ? "_blank" : "";
  bar.hidden = false;
}

/* Decisions -------------------------------------------------------------------------- */

function showLast(markup) {
  const page = new DOMParser().parseFromString(markup, "text/html");
  const last = page.querySelector("[data-last]");
  if (last) $("[data-last]").replaceWith(document.adoptNode(last));
  tickUndo();
}

function saySaving() {
  const last = document.createElement("div");
  last.className = "bar__last";
  last.dataset.last = "";
  const text = document.createElement("span");
  text.className = "bar__what";
  text.textContent = `${root.dataset.title}…`;
  last.append(text);
  $("[data-last]").replaceWith(last);
}

function send(form) {
  const data = new FormData(form);
  const page = root;
  pending = pending.then(() => {
    // The lock may have moved the version on since the form was drawn.
    data.set("version", page.dataset.version);
    return post(form.getAttribute("action"), data);
  });
  const sent = pending;
  pending = pending.catch(() => {});
  return sent;
}

/* A confirmation shows the next match at once; if it fails, the page there says so. */
async function confirm(form) {
  const { next, here, title } = root.dataset;
  if (!next) {
    form.submit();
    return;
  }
  const sent = send(form);
  saySaving();
  const gone = go(next);
  try {
    const told = await sent;
    showLast(told.last);
  } catch (refused) {
    showLast('<div class="bar__last" data-last></div>');
    fault({ code: refused.code, message: `${title}: ${refused.message}` }, here);
  }
  await gone;
}

/* What takes words stays until it is saved: nothing typed is lost. */
async function decide(form) {
  const { next, uid } = root.dataset;
  const button = $(".btn--primary", form);
  button.disabled = true;
  try {
    if (next || form.dataset.decide === "reopen") {
      const told = await send(form);
      dropDraft(uid, form.dataset.decide);
      const stays = told.stays || form.dataset.decide === "reopen";
      if (stays) ahead = { address: "", parts: null };
      await go(stays ? root.dataset.here : next);
      showLast(told.last);
    } else {
      await pending;
      dropDraft(uid, form.dataset.decide);
      form.submit();
    }
  } catch (refused) {
    const error = $("[data-error]", form);
    error.textContent = refused.message;
    error.hidden = false;
    if (refused.code === "signed_out") fault(refused);
  } finally {
    button.disabled = false;
  }
}

async function undo(form) {
  const data = new FormData(form);
  const address = form.closest("[data-last]")?.dataset.undoHere ?? root.dataset.here;
  const query = new URL(root.dataset.here, location.href).search;
  try {
    await pending;
    const release = held.mine ? root.dataset.release : "";
    await post(form.getAttribute("action"), data);
    if (release) await post(release, {}).catch(() => {});
    ahead = { address: "", parts: null };
    await go(address.split("?")[0] + query);
    showLast('<div class="bar__last" data-last></div>');
    announce(say("undone"));
  } catch (refused) {
    fault(refused);
  }
}

async function keepNote(form) {
  const field = $("input[name=note]", form);
  if (!field.value.trim()) return;
  try {
    await post(form.getAttribute("action"), new FormData(form));
    dropDraft(root.dataset.uid, "note");
    field.value = "";
    field.blur();
    announce(say("noted"));
    const page = await getPage(root.dataset.here, { ahead: true });
    $("#history")?.replaceWith(document.adoptNode(page.querySelector("#history")));
  } catch (refused) {
    fault(refused);
  }
}

function onSubmit(event) {
  const form = event.target;
  const verb = form.dataset.decide;
  if (verb === undefined && !form.matches("[data-undo], [data-undo-here], [data-note-form]")) return;
  event.preventDefault();
  if (form.matches("[data-undo], [data-undo-here]")) undo(form);
  else if (form.matches("[data-note-form]")) keepNote(form);
  else if (verb === "confirm") confirm(form).catch(fault);
  else decide(form);
}

/* The strips ------------------------------------------------------------------------ */

/* Where one answer is chosen already, the focus is on it. */
function focusFirst(strip) {
  ($("[type=radio]:checked", strip) ?? $("[data-stretch-handle], [type=radio], textarea", strip)).focus();
}

function openStrip(verb) {
  const ask = $(`[data-ask=${verb}]`);
  if (!ask) return;
  ask.open = true;
  focusFirst(ask);
}

function closeStrip() {
  const ask = openAsk();
  if (!ask) return false;
  ask.open = false;
  $("summary", ask).focus();
  return true;
}

function pick(ask, digit) {
  const radio = ask.querySelectorAll("[type=radio]")[digit - 1];
  if (!radio) return false;
  radio.checked = true;
  radio.focus();
  nameReason(ask);
  return true;
}

/* The button says what will happen. */
function nameReason(ask) {
  const label = $("[data-reject-label]", ask);
  const chosen = ask.querySelector("[name=reason]:checked");
  if (!label || !chosen) return;
  const words = chosen.closest("label").querySelector("span").textContent;
  label.textContent = label.dataset.with.replace("{reason}", words.toLowerCase());
}

function onStripKey(event) {
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

/* Drafts: what is typed lives in this tab until it is saved. --------------------------- */

const draftKey = (uid, name) => `acrportal.draft.${uid}.${name}`;

function dropDraft(uid, name) {
  sessionStorage.removeItem(draftKey(uid, name));
}

function restoreDrafts() {
  for (const field of root.querySelectorAll("[data-draft]")) {
    const kept = sessionStorage.getItem(draftKey(root.dataset.uid, field.dataset.draft));
    if (kept && !field.value) field.value = kept;
  }
}

function keepDraft(event) {
  const { draft } = event.target.dataset ?? {};
  if (draft) sessionStorage.setItem(draftKey(root.dataset.uid, draft), event.target.value);
}

/* The lock ------------------------------------------------------------------------------ */

const lockAddress = () => root.dataset.lock + new URL(root.dataset.here, location.href).search;

function showLock(told) {
  held = { until: told.until ? Date.parse(told.until) : 0, mine: told.mine, renewed: Date.now() };
  const top = document.getElementById("review-top");
  $("[data-lock-badge]", top).hidden = !told.mine;
  $("[data-release-form]", top)?.toggleAttribute("hidden", !told.mine);
  if (told.mine) $("[data-lock-text]", top).textContent = say("yours", told);
  $("[data-state-badge]", top)?.toggleAttribute("hidden", told.mine);
  if (told.mine) drawHeld();
  root.dataset.version = told.version;
  for (const field of root.querySelectorAll("[data-decide] [name=version]")) field.value = told.version;
  const place = $(".review-top__place", top);
  if (place && told.number) place.textContent = say("place", told);
  for (const way of ["next", "previous"]) {
    root.dataset[way] = told[way];
    for (const link of document.querySelectorAll(`[data-go=${way}]`)) if (told[way]) link.href = told[way];
  }
}

/* The segments of a match that was fetched ahead were drawn before it was held. */
function drawHeld() {
  for (const segment of root.querySelectorAll(".is-current .seg--pending")) {
    segment.setAttribute("class", "seg seg--in_review");
    segment.removeAttribute("fill");
  }
}

function showForeign(message) {
  held = { until: 0, mine: false, renewed: 0 };
  $("[data-lock-foreign]").hidden = false;
  $("[data-lock-message]").textContent = message;
  disableVerbs(true);
}

function disableVerbs(off) {
  for (const button of root.querySelectorAll("[data-decide] button")) button.disabled = off;
  for (const ask of root.querySelectorAll(".ask")) {
    if (off) ask.open = false;
    ask.toggleAttribute("inert", off);
  }
}

async function takeLock() {
  const page = root;
  if (!page.dataset.takes) return;
  try {
    const told = await post(lockAddress(), {});
    if (page === root) showLock(told);
  } catch (refused) {
    if (page !== root) return;
    if (refused.code === "locked") showForeign(say("look", refused));
    else fault(refused);
  }
}

/* Any key or click keeps the lock, once a minute at most. */
function renew() {
  if (held.mine && Date.now() - held.renewed > RENEW_MS) {
    held.renewed = Date.now();
    takeLock();
  }
}

async function poll() {
  const page = root;
  if (document.hidden || !page) return;
  let told;
  try {
    told = await getJson(page.dataset.lock);
  } catch {
    return;
  }
  if (page !== root) return;
  const waiting = ["pending", "in_review"].includes(told.state);
  if (told.mine) {
    held.until = Date.parse(told.until);
  } else if (told.holder) {
    showForeign(say("foreign", { user: told.holder, clock: told.clock }));
  } else if (!waiting && told.state !== page.dataset.state) {
    showFree(say("decided"));
  } else if (waiting && !$("[data-lock-foreign]").hidden) {
    showFree(say("free"));
  } else if (waiting && held.mine) {
    held.mine = false;
    showFree(say("ended"));
  }
}

function showFree(message) {
  $("[data-lock-foreign]").hidden = true;
  $("[data-lock-free]").hidden = false;
  $("[data-free-message]").textContent = message;
  announce(message);
}

let warned = 0;

function tickLock() {
  const left = held.until - Date.now();
  const ending = held.mine && left > 0 && left <= WARN_MS;
  const bar = $("[data-lock-ending]");
  bar.hidden = !ending;
  if (!ending) {
    warned = 0;
    return;
  }
  $("[data-lock-left]").textContent = clock(left).split(".")[0];
  if (!warned || (left <= LAST_CALL_MS && warned > LAST_CALL_MS)) {
    warned = left;
    announce(say("ending", { seconds: Math.ceil(left / 1000) }));
  }
}

function tickUndo() {
  const last = $("[data-last]");
  const left = last?.dataset.until ? Date.parse(last.dataset.until) - Date.now() : 0;
  const text = last && $("[data-undo-left]", last);
  if (text) text.textContent = left > 0 ? clock(left).split(".")[0] : "";
}

/* Keys ------------------------------------------------------------------------------------ */

const press = (selector) => $(selector)?.click();

function onReviewKey(event) {
  const key = event.key.toLowerCase();
  const ask = openAsk();
  if (ask && /^[1-9]$/.test(key)) {
    if (pick(ask, Number(key))) event.preventDefault();
    return;
  }
  const step = event.shiftKey ? 100 : 1000;
  const actions = {
    c: () => ask || press("[data-decide=confirm] button"),
    l: () => openStrip("clear"),
    r: () => openStrip("reject"),
    x: () => openStrip("exclude"),
    e: () => openStrip("escalate"),
    n: () => focusNote(),
    z: () => ($("[data-undo]") ?? $("[data-undo-here]"))?.requestSubmit(),
    j: () => leave(root.dataset.next),
    k: () => leave(root.dataset.previous),
    p: () => pair?.toggle(),
    a: () => pair && announce(pair.nextSide()),
    "[": () => press('[data-jump="-1"]'),
    "]": () => press('[data-jump="1"]'),
    arrowleft: () => pair?.seek(pair.at - step),
    arrowright: () => pair?.seek(pair.at + step),
  };
  const action = actions[key];
  if (!action || event.repeat && !key.startsWith("arrow")) return;
  if (key.startsWith("arrow") && event.target.closest?.(".seg-link")) return;
  event.preventDefault();
  action();
}

function focusNote() {
  const field = $("#note-line");
  if (!field) return;
  field.closest("details").open = true;
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}

function onClick(event) {
  if (event.metaKey || event.ctrlKey || event.button !== 0) return;
  const link = event.target.closest("a");
  const sameMatch = link && new URL(link.href.baseVal ?? link.href, location.href).pathname === location.pathname;
  if (link?.dataset.go) {
    event.preventDefault();
    leave(link.getAttribute("href"));
  } else if (link?.matches("[data-jump]") || (sameMatch && link.matches(".seg-link, [data-choose]"))) {
    event.preventDefault();
    choose(link.getAttribute("href"), link.matches("[data-jump]") ? pair?.playing : true).catch(fault);
  } else if (event.target.closest("[data-close]")) {
    closeStrip();
  } else if (event.target.closest("[data-focus-note]")) {
    focusNote();
  } else if (event.target.closest("[data-extend]")) {
    takeLock();
  }
}

/* Start ------------------------------------------------------------------------------------ */

function startPair() {
  const node = $("[data-pair]");
  pair = node ? new Pair(node) : null;
}

/* On a phone only the ribbon, the pair and the reason stand open. */
function fold() {
  if (!matchMedia("(max-width: 767.98px)").matches) return;
  for (const card of root.querySelectorAll("[data-fold]")) card.open = false;
}

function start() {
  root = document.getElementById("review");
  const top = document.getElementById("review-top");
  const mine = !$("[data-lock-badge]", top).hidden;
  held = { until: mine ? Date.parse(root.dataset.until) : 0, mine, renewed: Date.now() };
  fold();
  stretch = null;
  restoreDrafts();
  startPair();
  tickUndo();
  for (const ask of root.querySelectorAll(".ask")) {
    ask.addEventListener("toggle", () => {
      const strip = $(".strip", ask);
      if (ask.open && strip.matches("[data-stretch]")) stretch ??= new Stretch(strip);
      if (ask.open && !strip.contains(document.activeElement)) focusFirst(strip);
    });
    ask.addEventListener("change", () => nameReason(ask));
  }
}

document.addEventListener("submit", onSubmit);
document.addEventListener("keydown", onStripKey);
document.addEventListener("input", keepDraft);
document.addEventListener("click", onClick);
for (const name of ["keydown", "pointerdown"]) document.addEventListener(name, renew);
onKey(onReviewKey);
window.addEventListener("popstate", () => go(location.href, { push: false }).catch(() => location.reload()));
setInterval(poll, POLL_MS);
setInterval(() => { tickLock(); tickUndo(); }, UNDO_TICK_MS);
start();
lookAhead();
