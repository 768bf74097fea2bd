/* Keeps refused decisions on every page until the user dismisses them. */

const KEY = `acrportal.refusals.${document.body.dataset.user ?? ""}`;
const box = document.querySelector("[data-refusals]");
let leaving = false;

const read = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
const write = (entries) => sessionStorage.setItem(KEY, JSON.stringify(entries));

function change(id, values) {
  write(read().map((entry) => (entry.id === id ? { ...entry, ...values } : entry)));
}

function forget(id) {
  write(read().filter((entry) => entry.id !== id));
}

/* Store a pending decision; if no answer arrives, the next page reports it. */
export function sending(about) {
  const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  write([...read(), { ...about, id, message: "" }]);
  return id;
}

export function saved(id) {
  forget(id);
}

/* Show a refused decision with its match and the typed note. */
export function refused(id, message, { typed = "", href } = {}) {
  // Leaving a page aborts its requests, so the decision may still have been saved.
  if (leaving) return;
  change(id, href ? { message, typed, href } : { message, typed });
  draw();
}

/* Tell whether a refused decision is still on screen. */
export function any() {
  return read().some((entry) => entry.message);
}

function card(entry) {
  const node = box.querySelector("template").content.firstElementChild.cloneNode(true);
  const find = (name) => node.querySelector(`[data-refusal-${name}]`);
  node.dataset.refusal = entry.id;
  for (const link of node.querySelectorAll("a")) link.href = entry.href;
  find("about").textContent = entry.title;
  find("source").textContent = entry.source;
  find("message").textContent = entry.message;
  find("typed").hidden = !entry.typed;
  find("words").textContent = entry.typed ?? "";
  find("dismiss").setAttribute("aria-label", box.dataset.dismiss.replace("{title}", entry.title));
  return node;
}

function draw() {
  const shown = read().filter((entry) => entry.message);
  for (const node of box.querySelectorAll("[data-refusal]")) {
    if (!shown.some((entry) => entry.id === node.dataset.refusal)) node.remove();
  }
  for (const entry of shown) {
    if (!box.querySelector(`[data-refusal="${CSS.escape(entry.id)}"]`)) box.append(card(entry));
  }
  box.hidden = shown.length === 0;
}

if (box) {
  box.addEventListener("click", (event) => {
    if (!event.target.closest("[data-refusal-dismiss]")) return;
    forget(event.target.closest("[data-refusal]").dataset.refusal);
    draw();
    (box.querySelector("[data-refusal-dismiss]") ?? document.getElementById("main")).focus({ preventScroll: true });
  });
  window.addEventListener("pagehide", () => { leaving = true; });
  window.addEventListener("pageshow", () => { leaving = false; });
  for (const entry of read()) if (!entry.message) change(entry.id, { message: box.dataset.unknown });
  draw();
}
