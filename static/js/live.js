/* Keeps an open list as it is on the server: asks what changed in the rows it shows.

   The list names the address in ``data-changes``; each row has the token that it was drawn
   with in ``data-version``. While nothing happens, the answer is an empty 304. */

import { replaceRow, rows } from "./lists.js";

const EVERY_MS = 5000;

let mark = "";
let asking = null;

function address(list) {
  const url = new URL(list.dataset.changes, location.href);
  const known = rows().filter((row) => row.dataset.version);
  url.searchParams.set("rows", known.map((row) => `${row.dataset.row}:${row.dataset.version}`).join(" "));
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

function showCounts(list, answer) {
  for (const [name, text] of Object.entries(answer.counts)) {
    for (const place of document.querySelectorAll(`[data-count-of="${name}"]`)) place.textContent = text;
  }
  const note = list.querySelector("[data-list-changed]");
  const shown = list.dataset.totalShown;
  if (!note || answer.counts.total === undefined) return;
  // What this page shows as decided has left the list, which is no news here.
  const done = rows().filter((row) => row.dataset.done !== undefined).length;
  const expected = [shown, String(Number(shown) - done)];
  note.hidden = expected.includes(answer.counts.total);
  const text = note.querySelector("[data-list-changed-text]");
  text.textContent = text.dataset.text.replace("{shown}", shown).replace("{total}", answer.counts.total);
}

async function look() {
  const list = document.querySelector("[data-changes]");
  if (!list) return;
  const headers = { Accept: "application/json", ...(mark && { "If-None-Match": mark }) };
  const answer = await fetch(address(list), { headers }).catch(() => null);
  if (!answer || answer.status !== 200 || answer.redirected) return;
  mark = answer.headers.get("ETag") ?? "";
  const changed = await answer.json();
  showRows(changed);
  showCounts(list, changed);
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
/* The counts of saved views are not drawn with the page, because some of them are slow. */
refresh();
