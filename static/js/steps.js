/* Continues a bulk decision step by step until the user stops it. */

const WAIT_MS = 400;

const form = document.querySelector("[data-steps]");
const going = setTimeout(() => form.requestSubmit(), WAIT_MS);

form.addEventListener("submit", () => clearTimeout(going));
form.querySelector("[name=stop]").addEventListener("focus", () => clearTimeout(going));
