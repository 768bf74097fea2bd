/* The day of a stream by keyboard, and the button that listens first.

   Left and right move from play to play, up and down from hour to hour; Enter follows the
   link that has the focus. */

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function links(row) {
  return [row.querySelector(".ribbon__name a"), ...row.querySelectorAll("[data-play]")];
}

document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const row = event.target.closest?.("[data-airday] [data-hour]");
  if (!step || !row || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...row.parentElement.querySelectorAll("[data-hour]")];
  const [down, along] = step;
  const target = rows[rows.indexOf(row) + down];
  if (!target) return;
  const here = links(row);
  const place = here.indexOf(event.target.closest("a"));
  const next = down ? links(target) : here;
  const to = next[Math.min(Math.max(place + along, 0), next.length - 1)];
  event.preventDefault();
  to.focus();
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.matches("[data-listens]")) return;
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  const text = button.querySelector("span");
  let seconds = 0;
  text.textContent = button.dataset.busy;
  setInterval(() => { text.textContent = `${button.dataset.busy} ${++seconds} s`; }, 1000);
});
