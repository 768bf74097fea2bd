/* Picks an interval of the reference by dragging, with keys on its ends, or typed.

   The effect is shown in ``data-part-preview``, in the form or else on the page. A form that
   is sent with GET asks for it with all of its fields. */

import { clock } from "./pair.js";
import { getPage } from "./server.js";

const LOOK_AFTER_MS = 250;
const SHORTEST_MS = 100;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/* Parse 1:02.500 or 62.5 as milliseconds, as the server does; return NaN for anything else. */
export function readTime(text) {
  const typed = text.trim().replace(",", ".");
  if (/^\d{1,6}(\.\d{1,3})?$/.test(typed)) return Math.round(Number(typed) * 1000);
  const match = typed.match(/^(?:(\d{1,3}):(?=[0-5]?\d:))?(\d{1,3}):([0-5]?\d(?:\.\d{1,3})?)$/);
  if (!match) return NaN;
  const [hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000);
}

export class IntervalPicker {
  constructor(form) {
    this.form = form;
    this.duration = Number(form.dataset.duration);
    this.stage = form.querySelector("[data-interval-stage]");
    this.handles = {
      start: form.querySelector("[data-interval-handle=start]"),
      end: form.querySelector("[data-interval-handle=end]"),
    };
    form.addEventListener("input", (event) => this.onTyped(event));
    form.addEventListener("keydown", (event) => this.onKey(event));
    this.stage.addEventListener("pointerdown", (event) => this.onPointer(event));
    this.look();
  }

  get interval() {
    return [readTime(this.form.elements.start.value), readTime(this.form.elements.end.value)];
  }

  /* Set both ends, the earlier one first, and draw them. */
  set(start, end) {
    const [low, high] = start <= end ? [start, end] : [end, start];
    this.form.elements.start.value = clock(clamp(Math.round(low), 0, this.duration));
    this.form.elements.end.value = clock(clamp(Math.round(high), 0, this.duration));
    this.draw();
    this.lookSoon();
  }

  draw() {
    const [start, end] = this.interval;
    if (!(start >= 0 && end > start && end <= this.duration)) return;
    this.form.dispatchEvent(new CustomEvent("interval:picked", { detail: { from: start, to: end } }));
    const share = (ms) => `${((100 * ms) / this.duration).toFixed(3)}%`;
    const picked = this.form.querySelector("[data-interval-picked]");
    picked.setAttribute("x", share(start));
    picked.setAttribute("width", share(end - start));
    for (const [name, ms] of [["start", start], ["end", end]]) {
      this.handles[name].setAttribute("x", share(ms));
      this.handles[name].setAttribute("aria-valuenow", String(ms));
      this.handles[name].setAttribute("aria-valuetext", clock(ms));
    }
  }

  onTyped(event) {
    const isTime = ["start", "end"].includes(event.target.name);
    if (isTime) this.draw();
    if (isTime || this.form.method === "get") this.lookSoon();
  }

  get preview() {
    return this.form.querySelector("[data-part-preview]") ?? document.querySelector("[data-part-preview]");
  }

  onKey(event) {
    const name = event.target.dataset?.intervalHandle;
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 100 : 1000;
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageDown: -10_000, PageUp: 10_000 }[event.key];
    const [start, end] = this.interval;
    const low = name === "start" ? 0 : start + SHORTEST_MS;
    const high = name === "start" ? end - SHORTEST_MS : this.duration;
    if (by || event.key === "Home" || event.key === "End") {
      const to = by ? clamp((name === "start" ? start : end) + by, low, high) : event.key === "Home" ? low : high;
      if (name === "start") this.set(to, end);
      else this.set(start, to);
    } else if (event.key === "Enter") {
      this.form.requestSubmit();
    } else {
      return;
    }
    event.preventDefault();
  }

  /* Dragging an end moves it; dragging elsewhere starts a new interval. */
  onPointer(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const box = this.stage.getBoundingClientRect();
    const at = (moved) => clamp((moved.clientX - box.left) / box.width, 0, 1) * this.duration;
    const held = event.target.closest("[data-interval-handle]")?.dataset.intervalHandle;
    const [start, end] = this.interval;
    const fixed = held === "start" ? end : held === "end" ? start : at(event);
    (this.handles[held] ?? this.handles.end).focus();
    const move = (moved) => {
      const ms = at(moved);
      if (Math.abs(ms - fixed) >= SHORTEST_MS) this.set(fixed, ms);
    };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
  }

  lookSoon() {
    clearTimeout(this.timer);
    // Nothing is saved before its own preview.
    this.preview.querySelector("[name=seen]")?.remove();
    for (const button of this.preview.querySelectorAll("[type=submit]")) button.disabled = true;
    this.timer = setTimeout(() => this.look(), LOOK_AFTER_MS);
  }

  /* Preview the effect of the interval; ignore answers to earlier requests. */
  async look() {
    const { start, end, reason } = this.form.elements;
    const query = new URLSearchParams(this.form.method === "get" ? new FormData(this.form) : { start: start.value, end: end.value, reason: reason.value });
    this.asked = String(query);
    try {
      const page = await getPage(`${this.form.dataset.preview}?${query}`);
      const shown = page.querySelector("[data-part-preview]");
      if (shown && this.asked === String(query)) this.preview.replaceWith(document.adoptNode(shown));
    } catch (refused) {
      const error = this.form.querySelector("[data-error]");
      error.textContent = refused.message;
      error.hidden = false;
    }
  }
}
