/* Reviews one match: shortcuts, decisions that open the next match, the review lock. */

import { announce, onKey } from "./shell.js";
import { clock, fetchSound, keysOfPair, Pair, redrawRibbon } from "./pair.js";
import * as outbox from "./outbox.js";
import { getJson, getPage, inTurn, post, say } from "./server.js";
import { IntervalPicker } from "./interval_picker.js";
import * as sound from "./sound.js";
import * as strips from "./strips.js";

const PARTS = ["#review-top", "#review", ".crumbs__list"];
const POLL_MS = 15_000;
const RENEW_MS = 60_000;
const WARN_MS = 120_000;
const LAST_CALL_MS = 30_000;
const UNDO_TICK_MS = 1000;
/* Keys of verbs that ask for nothing. */
const AT_ONCE = "cqysv";
/* Codes of refusals caused by the match's state, not by the form's values. */
const OUTDATED = ["stale", "locked", "not_possible", "not_allowed", "gone"];

let root = null;
let pair = null;
let picker = null;
let ahead = { address: "", parts: null };
/* The review lock of the match on screen; each match gets a new object. */
let held = { until: 0, mine: false, foreign: false, renewed: 0 };
/* The last request; the next one waits for it. */
let pending = Promise.resolve();
/* The way to a match whose page is still being loaded; null while there is none. */
let arrival = null;
/* How many ways were begun; only the last one leads anywhere. */
let ways = 0;

const NARROW = matchMedia("(max-width: 767.98px)");
const $ = (selector, within = root) => within.querySelector(selector);

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
    if (ahead.address !== address) return;
    ahead.parts = parts;
    for (const node of parts?.nodes ?? []) fetchSound(node);
  } catch {
    ahead = { address: "", parts: null };
  }
}

function show(parts, address, { push = true, still = false } = {}) {
  const undone = $("[data-last]");
  const played = Boolean(pair?.playing);
  pair?.stop();
  PARTS.forEach((selector, index) => document.querySelector(selector).replaceWith(parts.nodes[index]));
  document.title = parts.title;
  if (push) history.pushState({}, "", address);
  if (!still) scrollTo(0, 0);
  start();
  if (undone) $("[data-last]")?.replaceWith(undone);
  if (still) return;
  // Who listens to one match after the other need not start each.
  if (played) pair?.play();
  const ask = strips.openAsk();
  if (ask) strips.focusFirst(ask);
  else document.getElementById("main").focus({ preventScroll: true });
  announce(parts.title);
}

/* Open a match; if it was prefetched, show it at once and lock it afterwards. */
async function go(address, { push = true } = {}) {
  if (!address) return;
  ways += 1;
  if (ahead.address === address && ahead.parts) {
    const { parts } = ahead;
    ahead = { address: "", parts: null };
    show(parts, address, { push });
    root.dataset.early = "yes";
    extend();
    await pending;
  } else {
    const page = root;
    const way = arrive(address, push, ways);
    arrival = way;
    // Buttons and keys have one target, and keys wait for the match that is being loaded.
    page.inert = true;
    try {
      await way;
    } finally {
      if (arrival === way) arrival = null;
      if (!arrival) page.inert = false;
    }
  }
  lookAhead();
}

async function arrive(address, push, way) {
  await pending;
  const parts = partsOf(await getPage(address));
  if (way !== ways) return;
  if (parts) show(parts, address, { push });
  else location.assign(address);
}

/* Reload the match on screen, keeping the scroll position. */
async function redraw() {
  const page = root;
  const here = new URL(page.dataset.here, location.href);
  const address = here.pathname === location.pathname ? location.href : here.href;
  const parts = partsOf(await getPage(address, { ahead: true }));
  if (page !== root) return;
  if (!parts) {
    location.assign(address);
    return;
  }
  show(parts, address, { push: false, still: true });
  if (!held.foreign) extend();
  lookAhead();
}

/* A match that was loaded before the last decision was saved shows its file as it was then. */
function freshen() {
  const page = root;
  if (!page.dataset.early) return;
  delete page.dataset.early;
  redrawRibbon(location.href, () => page === root).catch(() => {});
}

function leave(address) {
  if (!address) return;
  letGo();
  go(address).catch(fault);
}

function goBack() {
  letGo();
  // Without a connection, a reload would end in the browser's own page.
  go(location.href, { push: false }).catch((refused) => (refused.code === "offline" ? fault(refused) : location.reload()));
}

/* Release the lock when the user leaves a match without a decision. */
function letGo() {
  const { release } = root.dataset;
  const lock = held;
  pending = pending.then(() => lock.mine && post(release, { until: lock.until }).catch(() => {}));
}

/* The page is left for another one. If this was a reload, the new page has taken the lock
   until a later time, so the server keeps it. */
function onHide() {
  const { release, sent, kept, taking } = root.dataset;
  if (!held.mine || sent || kept || taking) return;
  held.mine = false;
  post(release, { until: held.until }, { keepalive: true }).catch(() => {});
}

/* The browser shows the page again as it was left. */
function onShow({ persisted }) {
  if (persisted) extend();
}

/* Segments ---------------------------------------------------------------------- */

async function choose(address, play = pair?.playing) {
  const page = await getPage(address, { ahead: true });
  pair?.stop();
  for (const selector of ["#pair", ".ribbon--review", "#plot", "[data-segments]"]) {
    const node = page.querySelector(selector);
    if (node) $(selector)?.replaceWith(document.adoptNode(node));
  }
  history.replaceState({}, "", address);
  startPair();
  if (play) pair?.play();
  announce($(".pair__which strong").textContent);
}

/* Faults --------------------------------------------------------------------------- */

const signIn = () => `/accounts/login/?next=${encodeURIComponent(location.pathname)}`;

function fault(refused) {
  // What waits to be sent says so itself.
  if (["offline", "signed_out"].includes(refused.code) && outbox.isWaiting()) return;
  const bar = $("[data-fault]");
  $("[data-fault-message]").textContent = refused.message;
  const link = $("[data-fault-link]");
  link.href = refused.code === "signed_out" ? signIn() : location.href;
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

/* Name the match being saved where the last decision stood; return that one. */
function saySaving() {
  const before = $("[data-last]");
  const last = document.createElement("div");
  last.className = "bar__last";
  last.dataset.last = "";
  const text = document.createElement("span");
  text.className = "bar__what";
  text.textContent = `${root.dataset.title}…`;
  last.append(text);
  before.replaceWith(last);
  return before;
}

const about = (page) => ({ uid: page.dataset.uid, title: page.dataset.title, source: page.dataset.source, href: page.dataset.here });

/* Put a decision into the outbox; it is sent after what is on its way. */
function send(form, match = about(root), fields = {}) {
  const { name } = outbox.put(form, match, fields);
  const sent = pending.then(() => outbox.deliver(name));
  pending = sent;
  return { name, sent };
}

/* After a refusal, update an outdated page; return whether it was outdated or left. */
async function catchUp(page) {
  if (page !== root) return true;
  const answer = await getJson(lockAddress(page)).catch(() => null);
  if (!answer || page !== root) return true;
  if (answer.changed) await redraw().catch(fault);
  else showLock(answer);
  return answer.changed || held.foreign;
}

const showNoLast = () => showLast('<div class="bar__last" data-last></div>');

/* The decision about the match on screen waits to be sent, so nothing else is decided. */
function showKept() {
  root.dataset.kept = "yes";
  disableVerbs(true);
  showNotice(say("kept"));
}

/* Go on to the next match; where it cannot be loaded now, stay. */
async function goOn(page) {
  if (page !== root) return;
  const { next, over } = page.dataset;
  if (next) await go(next).catch(() => {});
  else location.assign(over);
}

/* Show the next match while the confirmation is sent. */
async function confirm(form) {
  const page = root;
  if (page.dataset.sent) return;
  if (!page.dataset.next) {
    await decide(form);
    return;
  }
  page.dataset.sent = "yes";
  const { sent } = send(form);
  saySaving();
  await goOn(page);
  const { answer, refused, takenBack } = await sent;
  if (answer?.last) showLast(answer.last);
  else showNoLast();
  delete page.dataset.sent;
  if (page !== root) {
    if (answer) freshen();
    return;
  }
  if (answer) await goOn(page);
  else if (refused) await catchUp(page);
  else if (!takenBack) showKept();
}

/* Send a form with a note and stay until it is saved or kept, so that it shows its errors. */
async function decide(form) {
  const page = root;
  if (page.dataset.sent) return;
  const { next, uid } = page.dataset;
  const verb = form.dataset.decide;
  const button = $(".btn--primary, [data-send]", form);
  button.disabled = true;
  page.dataset.sent = "yes";
  // From here on Z must not undo the decision before this one.
  const before = saySaving();
  const reopens = verb === "reopen";
  const { name, sent } = send(form, about(page), next || reopens ? {} : { leaves: "yes" });
  const { answer, refused, takenBack } = await sent;
  delete page.dataset.sent;
  button.disabled = held.foreign;
  if (takenBack) {
    $("[data-last]").replaceWith(before);
    return;
  }
  if (refused) {
    $("[data-last]").replaceWith(before);
    await showRefusal(form, page, name, refused);
    return;
  }
  strips.dropDraft(uid, verb);
  if (!answer) {
    showNoLast();
    // The list cannot be opened without a connection.
    if (next) await goOn(page);
    if (page === root) showKept();
    return;
  }
  if (answer.last) showLast(answer.last);
  if (!answer.stays && !reopens) {
    await goOn(page);
    freshen();
    return;
  }
  ahead = { address: "", parts: null };
  if (page === root) await go(page.dataset.here).catch(fault);
}

/* The form shows its own errors; what it cannot show stays above every page. */
async function showRefusal(form, page, name, refused) {
  const error = $("[data-error]", form);
  error.textContent = refused.message;
  error.hidden = false;
  const isOutdated = OUTDATED.includes(refused.code) && (await catchUp(page));
  if (!isOutdated && form.isConnected) outbox.shown(name);
}

/* Undo the last decision of this list, or the one about the match on screen. */
async function undo(form) {
  const last = form.closest("[data-last]");
  const page = root;
  const address = last?.dataset.undoHere ?? page.dataset.here;
  const query = new URL(page.dataset.here, location.href).search;
  const what = last && $(".bar__what b", last);
  strips.closeStrip();
  const release = held.mine ? page.dataset.release : "";
  const match = last
    ? { uid: form.dataset.uid, title: what.textContent, source: what.title, href: address }
    : about(page);
  if (last) showNoLast();
  const { answer, refused } = await send(form, match).sent;
  if (refused) {
    if (!last) await catchUp(page);
    return;
  }
  if (!answer) {
    if (!last && page === root) showKept();
    return;
  }
  if (release) await post(release, {}).catch(() => {});
  ahead = { address: "", parts: null };
  await go(address.split("?")[0] + query).catch(fault);
  showNoLast();
  announce(say("undone"));
}

/* Z takes back a decision that is not sent, or undoes the last one of this list, or the one
   about the match on screen. */
const undoLast = inTurn(async () => {
  await pending;
  if (outbox.takeBack()) {
    announce(say("taken"));
    return;
  }
  if (strips.openStrip("z")) return;
  ($("form[data-undo]") ?? $("form[data-undo-here]"))?.requestSubmit();
  // The next key must see what comes of this one.
  await pending;
});

async function keepNote(form) {
  const field = $("input[name=note]", form);
  const page = root;
  if (!field.value.trim()) return;
  const { answer, refused } = await send(form).sent;
  if (refused) return;
  strips.dropDraft(page.dataset.uid, "note");
  field.value = "";
  field.blur();
  if (!answer) return;
  announce(say("noted"));
  const fresh = await getPage(page.dataset.here, { ahead: true });
  if (page === root) $("#history")?.replaceWith(document.adoptNode(fresh.querySelector("#history")));
}

async function keepInPlace(form) {
  const page = root;
  $("button", form).disabled = true;
  const { answer } = await send(form).sent;
  if (page === root && answer?.last) showLast(answer.last);
  if (answer && page === root) await redraw().catch(fault);
}

/* What waited was sent at last: show the match on screen as it is now. */
function onOutbox({ detail }) {
  if (detail.entry.tries && detail.answer?.last) showLast(detail.answer.last);
  if ((root.dataset.kept || detail.entry.takenBack) && detail.entry.uid === root.dataset.uid) redraw().catch(fault);
}

/* The decision about the match on screen is not sent, so another one can be made. */
function onTaken({ detail }) {
  if (!root.dataset.kept || detail.entry.uid !== root.dataset.uid) return;
  delete root.dataset.kept;
  disableVerbs(false);
  $("[data-lock-free]").hidden = true;
}

function onSubmit(event) {
  const form = event.target;
  const verb = form.dataset.decide;
  // The page that opens then holds the lock, which this one may learn while it waits.
  if (form.closest("[data-lock-foreign]")) root.dataset.taking = "yes";
  if (verb === undefined && !form.matches("[data-undo], [data-undo-here], [data-note-form], [data-speech], [data-switch]")) return;
  event.preventDefault();
  if (form.matches("[data-undo], [data-undo-here]")) undo(form).catch(fault);
  else if (form.matches("[data-note-form]")) keepNote(form).catch(fault);
  else if (form.matches("[data-speech], [data-switch]")) keepInPlace(form);
  else if (verb === "confirm") confirm(form).catch(fault);
  else decide(form).catch(fault);
}

/* Count the matches that an exclusion changes only when its strip opens. */
async function loadProposal(strip) {
  if (!strip.dataset.proposalStrip) return;
  try {
    const page = await getPage(strip.dataset.proposalStrip, { ahead: true });
    const answer = page.querySelector("[data-proposal-answer]");
    if (!answer) return;
    $("[data-proposal-answer]", strip).replaceWith(document.adoptNode(answer));
    strip.dataset.proposalStrip = "";
    $("[data-proposal-answer] button", strip)?.focus();
  } catch (refused) {
    fault(refused);
  }
}

/* The lock ------------------------------------------------------------------------------ */

/* Send version and standing, so that the server says whether the match has changed. */
function lockAddress(page) {
  const address = new URL(page.dataset.lock, location.href);
  address.search = new URL(page.dataset.here, location.href).search;
  address.searchParams.set("version", page.dataset.version);
  address.searchParams.set("standing", page.dataset.standing);
  return address.pathname + address.search;
}

/* Show whether this user, another user or nobody holds the lock. */
function showLock(answer) {
  if (root.dataset.kept) return;
  const had = held.mine;
  const wasForeign = held.foreign;
  const foreign = Boolean(answer.holder) && !answer.mine;
  Object.assign(held, { until: answer.until ?? "", mine: answer.mine, foreign, renewed: Date.now() });
  showPill(answer);
  showWays(answer);
  $("[data-lock-foreign]").hidden = !foreign;
  if (!foreign) $("[data-bar-held]").textContent = "";
  if (answer.changed) {
    showNotice(say("changed"), { reload: true });
    disableVerbs(true);
  } else if (foreign) {
    showForeign(say("foreign", { user: answer.holder, clock: answer.clock }));
  } else if (answer.mine) {
    $("[data-lock-free]").hidden = true;
    disableVerbs(false);
    drawHeld();
  } else if (had) {
    showNotice(say("ended"));
  } else if (wasForeign) {
    disableVerbs(false);
    // A page drawn while another user held the lock has no decision buttons.
    showNotice(say("free"), { reload: !$("[data-decide]") });
  }
  if (!answer.changed) keepVersion(answer.version);
}

function showPill(answer) {
  const top = document.getElementById("review-top");
  $("[data-lock-badge]", top).hidden = !answer.mine;
  $("[data-release-form]", top)?.toggleAttribute("hidden", !answer.mine);
  if (answer.mine) $("[data-lock-text]", top).textContent = say("yours", answer);
  const state = $("[data-state-badge]", top);
  if (answer.badge) state.replaceChildren(...new DOMParser().parseFromString(answer.badge, "text/html").body.childNodes);
  state.hidden = answer.mine || answer.state === "in_review";
  const place = $(".review-top__place", top);
  if (place && answer.number) place.textContent = say("place", answer);
}

function showWays(answer) {
  for (const way of ["next", "previous"]) {
    root.dataset[way] = answer[way];
    for (const link of document.querySelectorAll(`[data-go=${way}]`)) if (answer[way]) link.href = answer[way];
  }
}

function keepVersion(version) {
  root.dataset.version = version;
  for (const field of root.querySelectorAll("[data-decide] [name=version]")) field.value = version;
}

/* Redraw segments as locked: a prefetched match was drawn before it was locked. */
function drawHeld() {
  for (const segment of root.querySelectorAll(".is-current .seg--pending")) {
    segment.setAttribute("class", "seg seg--in_review");
    segment.removeAttribute("fill");
  }
}

function showForeign(message) {
  $("[data-bar-held]").textContent = message;
  $("[data-lock-foreign]").hidden = false;
  $("[data-lock-free]").hidden = true;
  $("[data-lock-message]").textContent = message;
  disableVerbs(true);
}

function showNotice(message, { reload = false } = {}) {
  $("[data-lock-free]").hidden = false;
  $("[data-free-message]").textContent = message;
  $("[data-free-reload]").hidden = !reload;
  announce(message);
}

function disableVerbs(off) {
  strips.disable(root, off);
}

async function takeLock() {
  const page = root;
  const lock = held;
  if (!page.dataset.takes || page.dataset.kept || page.dataset.sent) return;
  try {
    const answer = await post(lockAddress(page), {});
    Object.assign(lock, { mine: answer.mine, until: answer.until ?? "" });
    if (page !== root) return;
    if (answer.changed) await redraw();
    else showLock(answer);
  } catch (refused) {
    if (page !== root) return;
    if (refused.code === "locked") {
      Object.assign(held, { mine: false, foreign: true });
      showPill({ mine: false, state: "in_review" });
      showForeign(say("look", refused));
    } else if (OUTDATED.includes(refused.code)) {
      await redraw().catch(fault);
    } else {
      fault(refused);
    }
  }
}

/* Renew the lock on any key or click, at most once a minute. */
function renew() {
  if (held.mine && Date.now() - held.renewed > RENEW_MS) {
    held.renewed = Date.now();
    extend();
  }
}

/* Take or extend the lock after what is on its way, so that leaving knows when it ends. */
function extend() {
  pending = pending.then(takeLock);
}

/* Lock the match again if the user continues after the lock has ended. */
function takeAgain() {
  if (held.mine || held.foreign || held.taking || !root.dataset.takes || root.dataset.sent) return;
  const lock = held;
  lock.taking = true;
  pending = pending.then(takeLock).finally(() => { lock.taking = false; });
}

let looking = false;

async function look() {
  const page = root;
  if (page.dataset.sent) return;
  const answer = await getJson(lockAddress(page)).catch(() => null);
  if (answer && page === root && !page.dataset.sent) showLock(answer);
}

/* Read the lock after pending requests, so that no outdated answer is shown. */
function poll() {
  if (document.hidden || !root || looking) return;
  looking = true;
  pending = pending.then(look).finally(() => { looking = false; });
}

let warned = 0;

function tickLock() {
  const remaining = held.until ? Date.parse(held.until) - Date.now() : 0;
  if (held.mine && remaining <= 0) {
    held.mine = false;
    showPill({ mine: false });
    showNotice(say("ended"));
    poll();
  }
  const ending = held.mine && remaining > 0 && remaining <= WARN_MS;
  const bar = $("[data-lock-ending]");
  bar.hidden = !ending;
  if (!ending) {
    warned = 0;
    return;
  }
  $("[data-lock-left]").textContent = clock(remaining).split(".")[0];
  if (!warned || (remaining <= LAST_CALL_MS && warned > LAST_CALL_MS)) {
    warned = remaining;
    announce(say("ending", { seconds: Math.ceil(remaining / 1000) }));
  }
}

function tickUndo() {
  const last = $("[data-last]");
  const remaining = last?.dataset.until ? Date.parse(last.dataset.until) - Date.now() : 0;
  const text = last && $("[data-undo-left]", last);
  if (text) text.textContent = remaining > 0 ? clock(remaining).split(".")[0] : "";
}

/* Keys ------------------------------------------------------------------------------------ */

const press = (selector) => $(selector)?.click();

/* A key whose verb the match does not offer says why; a match that another person holds
   says so already. */
function cannot() {
  if (root.dataset.kept) showKept();
  else if ($("[data-lock-foreign]").hidden) showNotice(root.dataset.cannot);
}

function actionOf(event) {
  const key = event.key.toLowerCase();
  const ask = strips.openAsk();
  const actions = {
    ...keysOfPair(pair, event),
    c: () => ask || ($("[data-decide=confirm] button:enabled") ? press("[data-decide=confirm] button") : cannot()),
    ...Object.fromEntries([...`x${strips.LETTERS}`].map((letter) => [letter, () => strips.openStrip(letter) || ask || cannot()])),
    n: () => strips.focusNote(),
    m: () => press("[data-copies] [value=confirm]"),
    q: () => ask || ($("[data-keep]:enabled") ? press("[data-keep]") : cannot()),
    y: () => ask || ($("[data-again] button:enabled") ? press("[data-again] button") : cannot()),
    u: () => press("[data-use]"),
    s: () => press("[data-speech] button"),
    v: () => ask || press("[data-switch] button:enabled"),
    z: undoLast,
    j: () => leave(root.dataset.next),
    k: () => leave(root.dataset.previous),
    p: () => press("[data-play]"),
  };
  if (event.repeat && !key.startsWith("arrow")) return null;
  if (key.startsWith("arrow") && event.target.closest?.(".seg-link")) return null;
  return actions[key] ?? null;
}

/* Keys that are pressed while the next match is being loaded are meant for it. A verb that
   asks for nothing must not reach a match that nobody has seen. */
function onceShown(event) {
  const key = event.key.toLowerCase();
  const way = ways;
  const drop = () => showNotice(say("unshown"));
  arrival.then(() => {
    if (way !== ways) drop();
    else if (AT_ONCE.includes(key)) showNotice(say("unseen", { key: key.toUpperCase() }));
    else actionOf(event)?.();
  }, drop);
}

function onReviewKey(event) {
  const ask = strips.openAsk();
  if (ask && /^[1-9]$/.test(event.key)) {
    if (strips.pick(ask, Number(event.key))) event.preventDefault();
    return;
  }
  const action = actionOf(event);
  if (!action) return;
  event.preventDefault();
  if (arrival) onceShown(event);
  else action();
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
  } else if (link?.matches("[data-open-proposal]") && $("[data-ask=proposal]")) {
    event.preventDefault();
    strips.openStrip("x");
  } else if (event.target.closest("[data-close]")) {
    strips.closeStrip();
  } else if (event.target.closest("[data-focus-note]")) {
    strips.focusNote();
  } else if (event.target.closest("[data-extend]")) {
    extend();
  } else if (event.target.closest("[data-play]")) {
    takeAgain();
  }
}

/* Start ------------------------------------------------------------------------------------ */

function startPair() {
  const node = $("[data-pair]");
  pair = node ? new Pair(node) : null;
}

/* On a phone, open only the ribbon, the pair and the reason. */
function fold() {
  if (!NARROW.matches) return;
  for (const card of root.querySelectorAll("[data-fold]")) card.open = false;
}

function start() {
  root = document.getElementById("review");
  const top = document.getElementById("review-top");
  const mine = !$("[data-lock-badge]", top).hidden;
  const foreign = !$("[data-lock-foreign]").hidden;
  held = { until: mine ? root.dataset.until : "", mine, foreign, renewed: Date.now() };
  fold();
  picker = null;
  strips.restoreDrafts(root);
  const refused = outbox.refusedOf(root.dataset.uid);
  if (refused) strips.refill(root, refused);
  if (outbox.waitingOf(root.dataset.uid)) showKept();
  startPair();
  sound.begin(document);
  tickUndo();
  strips.wire(root, (strip) => {
    takeAgain();
    loadProposal(strip);
    if (strip.matches("[data-interval]")) pick(strip);
  });
}

/* Let an interval be picked and heard; on a phone the pair moves into sight above the form. */
function pick(strip) {
  if (!picker) {
    const heard = $("[data-sound]", strip);
    strip.addEventListener("interval:picked", ({ detail }) => heard?.dispatchEvent(new CustomEvent("sound:interval", { detail })));
    picker = new IntervalPicker(strip);
  }
  if (NARROW.matches) $("[data-pair]", root)?.scrollIntoView({ block: "start" });
}

document.addEventListener("submit", onSubmit);
for (const name of ["saved", "refused"]) document.addEventListener(`outbox:${name}`, onOutbox);
document.addEventListener("outbox:taken", onTaken);
strips.keepDrafts(takeAgain);
document.addEventListener("click", onClick);
for (const name of ["keydown", "pointerdown"]) document.addEventListener(name, renew);
onKey(onReviewKey);
window.addEventListener("popstate", goBack);
window.addEventListener("pagehide", onHide);
window.addEventListener("pageshow", onShow);
setInterval(poll, POLL_MS);
document.addEventListener("visibilitychange", poll);
window.addEventListener("focus", poll);
setInterval(() => { tickLock(); tickUndo(); }, UNDO_TICK_MS);
start();
lookAhead();
