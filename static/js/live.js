/* Keeps an open list as it is on the server: asks what changed in the rows it shows.

   The list names the address in ``data-changes``; each row has the token that it was drawn
   with in ``data-version``. While nothing happens, the answer is an empty 304. */

import { replaceRow, rows } from "./lists.js";
import { isWaiting } from "./outbox.js";

const EVERY_MS = 5000;

let mark = "";
let asking = null;
/* Whether this person has decided something since the last answer, here or in another tab. */
let acted = false;
const doneRows = () => rows().filter((row) => row.dataset.done !== undefined).map((row) => row.dataset.row);
/* The rows that were decided when the list was last counted. */
let counted = new Set(doneRows());

/* Counts are grouped, as in 1,234; where they end, as in 10,000+, they say no more. */
const numberOf = (text) => Number(text.replace(/\D/g, ""));

function address(list) {
  const url = new URL(list.dataset.changes, location.href);
  const versioned = rows().filter((row) => row.dataset.version);
  url.searchParams.set("rows", versioned.map((row) => `${row.dataset.row}:${row.dataset.version}`).join(" "));
  return url;
}

/* Rows are only parsed inside a table. */
function rowFrom(html) {
  return new DOMParser().parseFromString(`<table>${html}</table>`, "text/html").querySelector("tr");
}

function showRows(answer) {
  for (const row of rows()) {
    const fresh = answer.rows[row.dataset.row];
    if (fresh) replaceRow(row, document.adoptNode(rowFrom(fresh)));
    else if (answer.gone.includes(row.dataset.row)) row.remove();
  }
}

function showCounts(list, answer, isOwn) {
  for (const [name, text] of Object.entries(answer.counts)) {
    for (const place of document.querySelectorAll(`[data-count-of="${name}"]`)) place.textContent = text;
  }
  const note = list.querySelector("[data-list-changed]");
  const { total } = answer.counts;
  if (!note || total === undefined) return;
  // What somebody has done to the list is no news to them.
  if (isOwn && note.hidden) {
    list.dataset.totalShown = total;
    counted = new Set(doneRows());
  }
  const shown = list.dataset.totalShown;
  // What this page shows as decided may have left the list.
  const decided = doneRows().filter((name) => !counted.has(name)).length;
  const isExpected = numberOf(total) <= numberOf(shown) && numberOf(total) >= numberOf(shown) - decided;
  // A decision that is on its way may have been counted.
  note.hidden = isExpected || (note.hidden && isWaiting());
  const text = note.querySelector("[data-list-changed-text]");
  text.textContent = text.dataset.text.replace("{shown}", shown).replace("{total}", total);
}

async function look() {
  const list = document.querySelector("[data-changes]");
  if (!list) return;
  const before = acted;
  acted = false;
  const headers = { Accept: "application/json", ...(mark && { "If-None-Match": mark }) };
  const answer = await fetch(address(list), { headers }).catch(() => null);
  if (!answer || answer.status !== 200 || answer.redirected) return;
  mark = answer.headers.get("ETag") ?? "";
  const changed = await answer.json();
  showRows(changed);
  // The answer may have counted what was decided while it was on its way.
  showCounts(list, changed, before || acted);
}

/* Ask now; calls meanwhile wait for the answer that is on its way and ask once more. */
export async function refresh() {
  await asking;
  asking = look().finally(() => { asking = null; });
  await asking;
}

setInterval(() => {
  if (!document.hidden && !asking) refresh();
}, EVERY_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
window.addEventListener("online", refresh);
/* The browser brings the page back as it was left, perhaps to decide what it lists. */
window.addEventListener("pageshow", ({ persisted }) => {
  acted ||= persisted;
  if (persisted) refresh();
});
document.addEventListener("outbox:saved", () => { acted = true; });
/* The counts of saved views are not drawn with the page, because some of them are slow. */
refresh();
