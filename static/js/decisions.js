/* The list of one's own decisions: an undo goes through the outbox, then the list is drawn
   again. */

import * as outbox from "./outbox.js";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-decisions] [data-undo]")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  const { uid, title, source, here } = form.dataset;
  const { name } = outbox.put(form, { uid, title, source, href: here });
  const { answer } = await outbox.deliver(name);
  if (answer) location.reload();
});

document.addEventListener("outbox:saved", ({ detail }) => {
  if (detail.entry.tries) location.reload();
});
