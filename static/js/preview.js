/* Decides from a list: a preview of the current row, the letters of the verbs, undo.

   From 1280 pixels the pane beside the list shows the match with both sounds, and the next
   row's is loaded before it is asked for. Narrower, or with the pane switched off, only the
   decision bar appears, while it asks for a reason or offers undo.

   Keys and buttons have one target, the match of the current row: until the pane shows it,
   keys wait and nothing in the pane can be pressed. */

import { announce, onKey } from "./shell.js";
import { current, moveTo, rows, ticked } from "./lists.js";
import { refresh } from "./live.js";
import * as outbox from "./outbox.js";
import { fetchSound, keysOfPair, Pair, redrawRibbon } from "./pair.js";
import { getPage, inTurn, post, say } from "./server.js";
import { begin as beginSounds } from "./sound.js";
import * as strips from "./strips.js";

const OFF = "acrportal.preview";
const GO_ON = "acrportal.preview.go-on";
const WIDE = matchMedia("(min-width: 1280px)");
const WALK_MS = 80;
const AGAIN_MS = 3_000;
const AHEAD = 2;
/* The verbs of sound that no match names: name it, unknown music, no music. */
const SOUND_LETTERS = "nuo";

const pane = document.querySelector("[data-preview]");
const empty = pane?.querySelector("[data-preview-empty]");
const away = pane?.querySelector("[data-preview-away]");

/* The match in the pane: its row's name, its element, its player, its review lock. */
let shown = null;
/* The row to which the page went by itself, or whose match could not be loaded, until its
   match is shown: nobody has chosen that one. */
let unchosen = "";
/* Matches loaded before they are asked for: row name → promise of the element. */
const loaded = new Map();
/* The decisions of this page that can be undone, as the server drew them, newest last. */
const decisions = [];
/* Whether anything was decided or undone here: then what matches loaded before show as
   the last decision is outdated. */
let acted = false;
/* How many decisions and undos of this page were saved. */
let savedCount = 0;
/* The last request that writes; the next one waits for it. */
let pending = Promise.resolve();
let walking = 0;
let again = 0;

const isOn = () => WIDE.matches && localStorage.getItem(OFF) !== "off";
const $ = (selector, within = pane) => within?.querySelector(selector) ?? null;
const named = (name) => rows().find((row) => row.dataset.row === name);
const uidOf = (row) => row.dataset.subject ?? row.dataset.previewUrl?.split("/")[2];
const rowOf = (uid) => rows().find((row) => uidOf(row) === uid);
/* Whether a row is sound that no match names. */
const isSound = (row) => row?.dataset.heard !== undefined;
/* Whether the pane shows the current row's match. */
const isShown = () => shown !== null && shown.name === current()?.dataset.row;
const waits = (row) => row.dataset.done === undefined && row.dataset.foreign === undefined;

/* Loading -------------------------------------------------------------------- */

async function fetchMatch(address) {
  const drawn = savedCount;
  const page = await getPage(address, { ahead: true });
  const node = page.querySelector("[data-match]");
  if (!node) throw new Error(say("odd"));
  document.adoptNode(node);
  node.dataset.drawn = drawn;
  node.dataset.whole = node.querySelector("[data-pair]") ? "yes" : "";
  fetchSound(node);
  return node;
}

function addressOf(row) {
  const url = new URL(row.dataset.previewUrl, location.href);
  if (!isOn()) url.searchParams.set("bar", "yes");
  return url.pathname + url.search;
}

const keyOf = (row) => `${row.dataset.row} ${row.dataset.version} ${isOn()}`;

function load(row) {
  const key = keyOf(row);
  if (!loaded.has(key)) {
    const wanted = fetchMatch(addressOf(row));
    wanted.catch(() => loaded.delete(key));
    loaded.set(key, wanted);
  }
  return loaded.get(key);
}

/* Keep only what can still be asked for soon. */
function lookAhead(row) {
  const all = rows();
  const next = all.slice(all.indexOf(row) + 1).filter(waits).slice(0, AHEAD);
  const keep = new Set([row, ...next].map(keyOf));
  for (const key of loaded.keys()) if (!keep.has(key)) loaded.delete(key);
  if (isOn()) for (const row of next) load(row).catch(() => {});
}

/* Showing ---------------------------------------------------------------------- */

const isPlaying = () => Boolean(shown?.pair?.playing || $(".sound.is-playing"));

function leave() {
  if (!shown) return false;
  const { pair, node, held } = shown;
  const playing = isPlaying();
  pair?.stop();
  for (const audio of node.querySelectorAll("[data-sound-audio]")) audio.pause();
  if (held && !node.dataset.sent) pending = pending.then(() => post(node.dataset.release, { until: held })).catch(() => {});
  shown = null;
  return playing;
}

/* Return the match of a row as it is drawn when the answer comes; null if another row is
   the current one by then. */
async function fetchCurrent(name) {
  let row = named(name);
  for (let key = ""; row && key !== keyOf(row); row = named(name)) {
    key = keyOf(row);
    const node = await load(row);
    if (current()?.dataset.row !== name) return null;
    if (key === keyOf(current())) return node;
  }
  return null;
}

async function show(row, { play = false } = {}) {
  const name = row.dataset.row;
  const isNew = shown?.name !== name;
  clearTimeout(again);
  if (isNew) pane.inert = true;
  pane.setAttribute("aria-busy", "true");
  let node = null;
  let refused = null;
  try {
    node = await fetchCurrent(name);
  } catch (fault) {
    refused = fault;
  }
  if (current()?.dataset.row !== name) return;
  pane.removeAttribute("aria-busy");
  // A key and the walk may both have asked for this row.
  if (node && shown?.node === node) return;
  if (!node) {
    if (isNew) showAway(row, refused);
    return;
  }
  // Somebody has begun to answer while the row was drawn again.
  if (shown?.name === name && strips.openAsk()) {
    notice(shown, say("changed"));
    return;
  }
  const played = leave();
  loaded.delete(keyOf(current()));
  unchosen = "";
  pane.inert = false;
  pane.replaceChildren(node);
  beginSounds(node);
  shown = { name, node, held: node.dataset.mine ?? "", pair: null };
  if (acted) showLast();
  const pair = node.querySelector("[data-pair]");
  if (pair && isOn()) shown.pair = new Pair(pair);
  strips.restoreDrafts(node);
  if (outbox.waitingOf(node.dataset.uid)) keepShown();
  strips.wire(node, () => {
    pane.classList.add("is-asking");
    hold();
  });
  if (play || played) start();
  freshen();
  lookAhead(row);
}

/* A match that was loaded before a decision was saved shows its file as it was then. */
function freshen() {
  const at = shown;
  if (!at || !isOn() || Number(at.node.dataset.drawn) === savedCount) return;
  at.node.dataset.drawn = savedCount;
  redrawRibbon(addressOf(named(at.name)), () => shown === at).catch(() => {});
}

/* Show that a row's match cannot be loaded, and load it again until it can. */
function showAway(row, refused) {
  leave();
  unchosen = row.dataset.row;
  const node = away.content.firstElementChild.cloneNode(true);
  if (["offline", "signed_out"].includes(refused.code)) $("[data-preview-why]", node).textContent = refused.message;
  pane.inert = false;
  pane.replaceChildren(node);
  showLast();
  announce(node.querySelector("[data-notice]").textContent);
  again = setTimeout(loadAgain, AGAIN_MS);
}

/* The network may be back, so show the current row's match if it is missing. */
function loadAgain() {
  const row = current();
  if (row && unchosen === row.dataset.row && !isShown()) show(row);
}

/* Show the current row; while the user walks fast, only the one where they stop. */
function follow() {
  const row = current();
  unchosen = "";
  // What was asked or refused there is over.
  if (row && shown && shown.name !== row.dataset.row) pane.classList.remove("is-asking");
  const visible = isOn() || pane.matches(".is-asking, .has-last");
  clearTimeout(walking);
  clearTimeout(again);
  pane.inert = Boolean(row) && !isShown();
  if (!row || !visible || isShown()) return;
  if (!row.dataset.previewUrl) {
    leave();
    pane.inert = false;
    pane.removeAttribute("aria-busy");
    pane.replaceChildren(empty);
    return;
  }
  walking = setTimeout(() => show(row), loaded.has(keyOf(row)) ? 0 : WALK_MS);
}

/* Act on the match of the row that is current now, once it is shown; say so if it cannot be.
   ``chosen`` tells whether a person has gone to this row. */
async function onShown(act) {
  const row = current();
  if (!row?.dataset.previewUrl) return;
  const name = row.dataset.row;
  const chosen = unchosen !== name;
  clearTimeout(walking);
  if (!isShown()) await show(row);
  if (shown?.name === name && isShown()) {
    act({ chosen });
    return;
  }
  // The pane says why its own match is not shown.
  if (current()?.dataset.row === name) pane.classList.add("is-asking");
  else if (named(name)) sayInRow(named(name), say("unshown"));
  announce(say("unshown"));
}

function start() {
  if (!shown || isPlaying()) return;
  if (!shown.pair) $("[data-sound-play]")?.click();
  else shown.pair.play();
  hold();
}

/* Play or pause what the pane shows. */
async function play() {
  const { pair } = shown ?? {};
  if (!isPlaying()) {
    await onShown(start);
  } else if (pair) {
    pair.pause();
  } else {
    $(".sound.is-playing [data-sound-play]").click();
  }
}

/* The review lock ------------------------------------------------------------- */

/* Take the lock once somebody listens, asks for a reason or types; looking takes none.
   A decision that is on its way needs none: a late request would be refused. */
function hold() {
  const at = shown;
  if (!at || at.held || at.holding || !at.node.dataset.takes) return;
  at.holding = true;
  pending = pending.then(async () => {
    if (at !== shown || at.node.dataset.sent) {
      at.holding = false;
      return;
    }
    try {
      const answer = await post(at.node.dataset.lock, {});
      at.held = answer.until;
      at.node.dataset.version = answer.version;
    } catch (refused) {
      notice(at, refused.message);
      refresh();
    }
  });
}

function notice(at, text) {
  const place = $("[data-notice]", at.node);
  place.textContent = text;
  place.hidden = false;
  announce(text);
}

/* Decisions -------------------------------------------------------------------- */

const about = (node) => ({ uid: node.dataset.uid, title: node.dataset.title, source: node.dataset.source, href: node.dataset.here });

/* Put a decision into the outbox; it is sent after what is on its way. */
function send(form, match) {
  const version = form.dataset.decide ? { version: shown.node.dataset.version } : {};
  const { name } = outbox.put(form, match, version);
  const sent = pending.then(() => outbox.deliver(name));
  pending = sent;
  return { name, sent };
}

/* The decision about the match in the pane waits to be sent, so nothing else is decided. */
function keepShown() {
  strips.disable(shown.node, true);
  notice(shown, say("kept"));
}

/* Move on to the next row that waits: below, or else from the top. */
function goOn(name) {
  const all = rows();
  const at = all.findIndex((row) => row.dataset.row === name);
  const open = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))].filter(waits);
  const playing = isPlaying();
  if (!open.length) {
    finishPage();
    return;
  }
  moveTo(open[0]);
  clearTimeout(walking);
  unchosen = open[0].dataset.row;
  show(open[0], { play: playing });
}

/* Every row of the page is decided: open the same page again, which holds the next ones. */
async function finishPage() {
  announce(pane.dataset.noneLeft);
  await pending;
  // A page cannot be opened without a connection.
  if (outbox.anyRefused() || outbox.isWaiting()) return;
  if (document.querySelector("[data-walk-end]")) {
    endWalk();
    return;
  }
  if (!document.querySelector(".pager a")) return;
  sessionStorage.setItem(GO_ON, "yes");
  location.assign(location.href);
}

/* The walk through a file goes on with its next page, and ends at its cue sheet. */
function endWalk() {
  const following = document.querySelector(".pager a[rel=next]");
  if (following) {
    sessionStorage.setItem(GO_ON, "yes");
    following.click();
    return;
  }
  document.querySelector("[data-walk-done]").hidden = false;
  document.querySelector("[data-walk-end]").focus();
}

function keepLast(markup) {
  const page = new DOMParser().parseFromString(markup, "text/html");
  decisions.push(document.adoptNode(page.querySelector("[data-last]")));
  acted = true;
  showLast();
}

/* Show the newest decision with its undo; after an undo, the one before it. */
function showLast() {
  const node = decisions.at(-1) ?? document.createElement("div");
  node.className = "bar__last";
  node.dataset.last = "";
  $("[data-last]")?.replaceWith(node);
  pane.classList.toggle("has-last", node.childElementCount > 0);
}

/* The rows of what a row is about: a recording may be played several times. */
const alike = (row) => rows().filter((other) => uidOf(other) === uidOf(row));

function markDone(row) {
  for (const play of alike(row)) {
    play.dataset.done = "";
    play.classList.add("is-done");
  }
}

function unmark(row) {
  for (const play of alike(row)) {
    delete play.dataset.done;
    play.classList.remove("is-done");
  }
}

/* Say in a row why its decision is not saved, or not yet. */
function sayInRow(row, message) {
  row.querySelector(".row-refused")?.remove();
  if (!message) return;
  const text = document.createElement("span");
  text.className = "cell-sub row-refused";
  text.textContent = message;
  row.querySelector("th").append(text);
}

/* Mark a row whose decision waits to be sent. */
function markKept(row) {
  if (!row?.dataset.previewUrl || !outbox.waitingOf(uidOf(row))) return;
  markDone(row);
  sayInRow(row, say("unsentRow"));
}

/* A verb that asks for nothing. */
const isAtOnce = (form) => !form.closest(".ask");

/* Decide. A verb that asks for nothing shows the next row at once; a form stays open until it
   is saved or kept, so that it shows its errors. */
async function decide(form) {
  const at = shown;
  const verb = form.dataset.decide;
  if (!at || at.node.dataset.sent) return;
  const row = named(at.name);
  const button = $("button:not([type=button])", form);
  at.node.dataset.sent = "yes";
  button.setAttribute("aria-busy", "true");
  const { name, sent } = send(form, about(at.node));
  if (isAtOnce(form) && row) {
    markDone(row);
    goOn(at.name);
  }
  const { answer, refused, takenBack } = await sent;
  if (refused || takenBack) {
    delete at.node.dataset.sent;
    button.removeAttribute("aria-busy");
  }
  if (takenBack) return;
  if (refused) {
    showRefusal(form, at, name, refused);
  } else {
    if (answer) savedCount += 1;
    strips.dropDraft(at.node.dataset.uid, verb);
    // The next match may already ask for something.
    if (shown === at) closeAsks();
    if (!isAtOnce(form) && row) {
      const waited = waits(row);
      markDone(row);
      if (waited && current()?.dataset.row === at.name) goOn(at.name);
    }
    if (!answer) markKept(named(at.name));
    if (answer?.moves) {
      location.reload();
      return;
    }
  }
  await refresh();
  freshen();
  if (shown === at && refused?.code === "gone") await standAgain(at);
  // Nobody has gone on, so the pane still shows this match: show it as decided.
  if (shown === at && at.node.dataset.sent && current()?.dataset.row === at.name) showAgain(named(at.name));
  // The walk may have ended meanwhile; Enter then opens its cue sheet.
  if (document.querySelector("[data-walk-done]:not([hidden])")) document.querySelector("[data-walk-end]").focus();
}

/* The form shows its own errors; what it cannot show stays above every page. */
function showRefusal(form, at, name, refused) {
  const row = named(at.name);
  // What a colleague decided meanwhile stays decided.
  if (row && isAtOnce(form)) unmark(row);
  if (row) sayInRow(row, refused.message);
  const error = $("[data-error]", form);
  if (shown !== at || !form.isConnected || !error) return;
  outbox.shown(name);
  error.textContent = refused.message;
  error.hidden = false;
}

/* The file or recording has gone, and the refusal said so: the same decision counts now. A
   form that somebody fills in stays as it is. */
async function standAgain(at) {
  if (!strips.openAsk()) {
    showAgain(named(at.name));
    return;
  }
  const fresh = await fetchMatch(addressOf(named(at.name))).catch(() => null);
  for (const field of fresh ? at.node.querySelectorAll("[name=standing]") : []) field.value = fresh.dataset.standing;
}

/* Show a match as the server has it now. */
function showAgain(row) {
  if (!row) return;
  const name = row.dataset.row;
  for (const key of loaded.keys()) if (key.startsWith(`${name} `)) loaded.delete(key);
  if (shown?.name === name) leave();
  moveTo(row);
  follow();
}

function closeAsks() {
  for (const ask of shown?.node.querySelectorAll(".ask[open]") ?? []) {
    // The browser takes the focus from a closed field only when it draws next, and keys
    // that are pressed before would be typed there.
    if (ask.contains(document.activeElement)) document.activeElement.blur();
    ask.open = false;
  }
  pane.classList.remove("is-asking");
}

async function undo(form) {
  const at = form.closest("[data-last]");
  const uid = form.dataset.uid ?? shown.node.dataset.uid;
  const from = current()?.dataset.row;
  const what = at?.querySelector(".bar__what b");
  closeAsks();
  const match = at ? { uid, title: what.textContent, source: what.title, href: at.dataset.undoHere } : about(shown.node);
  const { answer, refused } = await send(form, match).sent;
  if (refused) return;
  if (decisions.includes(at)) decisions.splice(decisions.indexOf(at), 1);
  acted = true;
  showLast();
  if (!answer) return;
  savedCount += 1;
  await refresh();
  freshen();
  announce(say("undone"));
  if (current()?.dataset.row === from) showAgain(rowOf(uid));
}

async function keepNote(form) {
  const field = $("input[name=note]", form);
  const at = shown;
  if (!field.value.trim()) return;
  const { answer, refused } = await send(form, about(at.node)).sent;
  if (refused) return;
  strips.dropDraft(at.node.dataset.uid, "note");
  field.value = "";
  pane.classList.remove("is-asking");
  current()?.focus({ preventScroll: true });
  if (answer) announce(say("noted"));
}

/* A decision is not sent, so nothing says any more that it waits. */
function onTaken({ detail }) {
  const { uid } = detail.entry;
  const row = rowOf(uid);
  if (!row) return;
  unmark(row);
  sayInRow(row, "");
  if (shown?.node.dataset.uid !== uid) return;
  delete shown.node.dataset.sent;
  strips.disable(shown.node, false);
  $("[data-notice]").hidden = true;
}

/* A decision was answered, perhaps long after it was made and this page opened again. */
function onOutbox({ type, detail }) {
  const { uid, verb, takenBack } = detail.entry;
  loadAgain();
  if (takenBack) {
    refresh();
    if (shown?.node.dataset.uid === uid) showAgain(rowOf(uid));
  }
  if (detail.answer?.last && verb !== "undo" && !takenBack) keepLast(detail.answer.last);
  const row = rowOf(uid);
  // Nothing in the row says that the decision waits.
  if (!row?.querySelector(".row-refused")) return;
  if (type === "outbox:refused") unmark(row);
  sayInRow(row, detail.refused?.message ?? "");
  refresh();
  if (shown?.node.dataset.uid === uid && !shown.node.dataset.sent) showAgain(row);
}

/* Keep what somebody hears instead of the estimate of speech, or which version it is, and
   show the match again. */
async function keepInPlace(form) {
  const at = shown;
  $("button", form).disabled = true;
  const { answer } = await send(form, about(at.node)).sent;
  if (!answer) return;
  await refresh();
  if (shown === at) showAgain(named(at.name));
}

/* Keys and clicks ---------------------------------------------------------------- */

/* A decision that is on its way is the last one, so wait for it. One that is not sent is
   taken back. */
const undoLast = inTurn(async () => {
  await pending;
  const entry = outbox.takeBack();
  if (entry) {
    moveTo(rowOf(entry.uid));
    announce(say("taken"));
    return;
  }
  // The pane may still load the row that offers the undo.
  if (current() && !isShown()) await show(current());
  if (isShown() && strips.openStrip("z")) return;
  ($("form[data-undo]") ?? (isShown() ? $("form[data-undo-here]") : null))?.requestSubmit();
  // The next key must see what comes of this one.
  await pending;
});

/* No row is chosen yet: the decision bar of the first one offers to undo what was decided on
   another page. The first row's own decision was not meant. */
async function undoEarlier() {
  moveTo(rows()[0]);
  await onShown(() => $(".bar__undo") && undoLast());
}

/* A key that does nothing says why, also where only the decision bar has room. */
function cannot() {
  pane.classList.add("is-asking");
  notice(shown, outbox.waitingOf(shown.node.dataset.uid) ? say("kept") : shown.node.dataset.cannot);
}

/* Press the button of a letter, or open its strip. A button asks for nothing, so a key that
   was pressed before does not reach a match that nobody has chosen or seen. */
function press(letter) {
  onShown(({ chosen }) => {
    const button = $(`.bar__verbs > form button[aria-keyshortcuts=${letter.toUpperCase()}]:enabled`);
    byLetter = true;
    if (!button && !strips.openStrip(letter)) cannot();
    else if (button && chosen) button.click();
    else if (button) notice(shown, say("unseen", { key: letter.toUpperCase() }));
  });
}

/* Decide the match and the same one in copies of its file: their preview opens. */
const decideCopies = () => onShown(() => ($("[data-copies] [value=confirm]") ?? { click: cannot }).click());

const switchVersion = () => onShown(({ chosen }) => chosen && $("[data-switch] button:enabled")?.click());

const correctSpeech = () => onShown(({ chosen }) => chosen && $("[data-speech] button:enabled")?.click());

function note() {
  onShown(() => {
    pane.classList.add("is-asking");
    strips.focusNote();
  });
}

async function choose(address) {
  const at = shown;
  const playing = at.pair?.playing;
  const url = new URL(address, location.href);
  const row = named(at.name);
  const fresh = new URL(row.dataset.previewUrl, location.href);
  fresh.searchParams.set("segment", url.searchParams.get("segment"));
  const node = await fetchMatch(fresh.pathname + fresh.search);
  if (shown !== at) return;
  at.pair?.stop();
  for (const selector of ["#pair", ".ribbon--review"]) {
    const part = node.querySelector(selector);
    if (part) $(selector)?.replaceWith(part);
  }
  at.pair = new Pair($("[data-pair]"));
  if (playing) at.pair.play();
  announce($(".pair__which strong").textContent);
}

onKey((event) => {
  if (!pane) return;
  const key = event.key.toLowerCase();
  if (!(current() || shown)) {
    if (key === "z" && rows().length) undoEarlier();
    return;
  }
  // The verbs act on the ticked rows, through the bar of lists.js.
  if (ticked().length && `ca${strips.LETTERS}`.includes(key)) return;
  const open = isShown() && strips.openAsk();
  if (open && /^[1-9]$/.test(key)) {
    if (strips.pick(open, Number(key))) event.preventDefault();
    return;
  }
  const pair = isShown() ? shown.pair : null;
  const letters = `cqy${strips.LETTERS}${isSound(current()) ? SOUND_LETTERS : ""}`;
  const actions = {
    ...keysOfPair(pair, event),
    n: note,
    ...Object.fromEntries([...letters].map((letter) => [letter, () => press(letter)])),
    m: decideCopies,
    s: correctSpeech,
    v: switchVersion,
    z: undoLast,
    p: play,
  };
  const action = actions[key];
  if (!action || (event.repeat && !key.startsWith("arrow"))) return;
  if (key.startsWith("arrow") && event.target.closest?.(".seg-link")) return;
  event.preventDefault();
  action();
});

function onClick(event) {
  if (event.metaKey || event.ctrlKey || event.button !== 0) return;
  const link = event.target.closest("a");
  if (event.target.closest("[data-preview-again]")) {
    loadAgain();
  } else if (event.target.closest("[data-close]")) {
    strips.closeStrip();
    pane.classList.remove("is-asking");
    current()?.focus({ preventScroll: true });
  } else if (event.target.closest("[data-focus-note]")) {
    note();
  } else if (event.target.closest("[data-play]")) {
    hold();
  } else if (link?.matches("[data-jump], .ribbon__row.is-current .seg-link")) {
    event.preventDefault();
    choose(link.getAttribute("href")).catch((refused) => announce(refused.message));
  }
}

function onSubmit(event) {
  const form = event.target;
  if (form.matches("[data-undo], [data-undo-here]")) undo(form);
  else if (form.matches("[data-note-form]")) keepNote(form);
  else if (form.matches("[data-speech], [data-switch]")) keepInPlace(form);
  else if (form.dataset.decide) decide(form);
  else return;
  event.preventDefault();
}

/* Escape closes the strip or leaves the note. Then the row has the focus again, unless the
   strip was opened by its own button. */
let byLetter = false;
let staysInPane = false;

function beforeEscape(event) {
  if (event.key === "Escape") staysInPane = Boolean(strips.openAsk()) && !byLetter;
}

function onEscape(event) {
  if (event.key !== "Escape" || strips.openAsk()) return;
  byLetter = false;
  if (staysInPane) return;
  const at = document.activeElement;
  if (at !== document.body && !pane.contains(at)) return;
  pane.classList.remove("is-asking");
  current()?.focus({ preventScroll: true });
}

function place() {
  document.documentElement.classList.toggle("preview-off", localStorage.getItem(OFF) === "off");
  for (const button of document.querySelectorAll("[data-preview-switch]")) {
    button.setAttribute("aria-pressed", String(button.dataset.previewSwitch === (isOn() ? "on" : "off")));
  }
}

function switchPane(event) {
  const button = event.target.closest("[data-preview-switch]");
  if (!button) return;
  localStorage.setItem(OFF, button.dataset.previewSwitch);
  place();
  leave();
  pane.replaceChildren(empty);
  follow();
}

/* Somebody else took, freed or decided the match in the pane, or retired its recording: show
   it as it is now. */
function onDrawn(event) {
  const row = event.target;
  markKept(row);
  if (row.dataset.row !== shown?.name || shown.node.dataset.sent) return;
  const isGone = row.dataset.retired !== undefined && !shown.node.dataset.standing;
  if (waits(row) && shown.node.dataset.foreign === undefined && !isGone) return;
  if (strips.openAsk() || shown.pair?.playing) notice(shown, say("changed"));
  else show(row);
}

/* Without room for the pane, a tap on a row shows its decisions. */
function onTap(event) {
  const row = event.target.closest?.("[data-list] [data-row]");
  if (!row || isOn() || event.target.closest("a, button, input")) return;
  pane.classList.add("is-asking");
  follow();
}

/* The lock of a match that is only looked at must not outlive the page. If the
   match's own page has extended it meanwhile, the server keeps it. */
function onHide() {
  if (!shown?.held || shown.node.dataset.sent) return;
  post(shown.node.dataset.release, { until: shown.held }, { keepalive: true }).catch(() => {});
  Object.assign(shown, { held: "", holding: false });
}

/* A proposed exclusion opens above the list, so scroll there. */
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "proposal") return;
  event.detail.target.scrollIntoView({ block: "center" });
  event.detail.target.querySelector("#proposal-title").focus({ preventScroll: true });
});

/* Nothing is left in the list: only the last decision can be undone. */
if (!pane) {
  onKey((event) => {
    if (event.key.toLowerCase() === "z") document.querySelector(".queue__last .bar__undo")?.click();
  });
}

if (pane) {
  place();
  WIDE.addEventListener("change", place);
  document.addEventListener("list:row", follow);
  document.addEventListener("list:drawn", onDrawn);
  document.addEventListener("click", switchPane);
  document.addEventListener("click", onTap);
  pane.addEventListener("click", onClick);
  pane.addEventListener("submit", onSubmit);
  document.addEventListener("keydown", beforeEscape, true);
  document.addEventListener("keyup", onEscape);
  strips.keepDrafts(hold);
  window.addEventListener("pagehide", onHide);
  for (const name of ["saved", "refused"]) document.addEventListener(`outbox:${name}`, onOutbox);
  document.addEventListener("outbox:taken", onTaken);
  for (const name of ["online", "focus"]) window.addEventListener(name, loadAgain);
  rows().forEach(markKept);
  const first = rows().find(waits);
  const goesOn = sessionStorage.getItem(GO_ON) || document.querySelector("[data-file-review]");
  // The queue opens its first row at once, unless somebody returns to another one.
  const opens = isOn() && document.querySelector("[data-queue]") && !named(history.state?.row);
  if (first && isOn()) load(first).catch(() => {});
  if (first && (goesOn || opens)) {
    moveTo(first);
    if (isOn()) unchosen = first.dataset.row;
  }
  sessionStorage.removeItem(GO_ON);
}
