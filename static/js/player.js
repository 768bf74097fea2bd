/* The player of a scanned file: keeps audio, ribbon and tables at the same time. */

import { readTime } from "./interval_picker.js";
import { onKey, press } from "./shell.js";

const DRAG_PX = 4;
const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");

function clock(ms) {
  const whole = Math.max(0, Math.floor(ms));
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = String(Math.floor(whole / 1000) % 60).padStart(2, "0");
  const rest = String(whole % 1000).padStart(3, "0");
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${head}:${seconds}.${rest}`;
}

class Player {
  constructor(root) {
    this.root = root;
    this.audio = root.querySelector("[data-audio]");
    this.ribbon = root.querySelector("[data-ribbon]");
    this.button = root.querySelector("[data-play]");
    this.clock = root.querySelector("[data-clock]");
    this.now = root.querySelector("[data-now]");
    this.head = root.querySelector("[data-playhead]");
    this.start = Number(this.ribbon?.dataset.start ?? 0);
    this.end = Number(this.ribbon?.dataset.end ?? 0);
    this.frame = 0;
    this.segments = this.readSegments();
    this.listen();
    this.draw();
    this.drawRange();
  }

  /* Read every segment of the file in order; ribbon and table may show only some of them,
     and the ribbon several as one. */
  readSegments() {
    const { segmentTimes: times, laneNames, first } = document.querySelector("[data-segment-times]")?.dataset ?? {};
    if (!times) return [];
    const names = JSON.parse(laneNames);
    const lanes = [...this.root.querySelectorAll("[data-lane]")].map((lane) => [...lane.querySelectorAll(".seg-link")]);
    const rows = [...document.querySelectorAll("[data-segment-row]")];
    return times.split(",").map((time, place) => {
      const [start, end, lane] = time.split(" ").map(Number);
      const row = rows[place + 1 - Number(first)];
      const covers = ({ dataset }) => Number(dataset.start) <= start && Number(dataset.end) >= end;
      return { row, links: (lanes[lane] ?? []).filter(covers), name: names[lane], start, end };
    });
  }

  get ms() {
    return (this.audio?.currentTime ?? 0) * 1000;
  }

  listen() {
    this.root.addEventListener("pointerdown", (event) => this.onDrag(event));
    this.root.addEventListener("click", (event) => this.onClick(event));
    this.root.addEventListener("keydown", (event) => this.onLaneKey(event));
    if (!this.audio) return;
    this.button?.addEventListener("click", () => this.toggle());
    this.root.querySelector("[data-previous]")?.addEventListener("click", () => this.jump(-1));
    this.root.querySelector("[data-next]")?.addEventListener("click", () => this.jump(1));
    for (const name of ["play", "pause", "ended"]) {
      this.audio.addEventListener(name, () => this.onPlayState());
    }
    for (const name of ["seeked", "timeupdate"]) {
      this.audio.addEventListener(name, () => this.draw());
    }
  }

  /* The times of the picked range; NaN where none can be read. */
  get range() {
    return range ? [readTime(range.elements.start.value), readTime(range.elements.end.value)] : [NaN, NaN];
  }

  pickRange(start, end) {
    const clamped = (ms) => clock(Math.min(Math.max(Math.round(ms), 0), Number(this.ribbon.dataset.duration)));
    range.elements.start.value = Number.isNaN(start) ? "" : clamped(start);
    range.elements.end.value = Number.isNaN(end) ? "" : clamped(end);
    this.drawRange();
  }

  drawRange() {
    const drawn = this.root.querySelector("[data-range-drawn]");
    const [start, end] = this.range.map((ms) => Math.min(Math.max(ms, this.start), this.end));
    if (!drawn) return;
    if (!(end > start)) {
      drawn.setAttribute("display", "none");
      return;
    }
    const share = (ms) => `${((100 * ms) / (this.end - this.start)).toFixed(3)}%`;
    drawn.setAttribute("x", share(start - this.start));
    drawn.setAttribute("width", share(end - start));
    drawn.setAttribute("display", "inline");
  }

  /* Dragging over the waveform picks a range; a click there moves the playhead. */
  onDrag(event) {
    const area = event.target.closest("[data-seek]");
    if (!area || !range || event.button !== 0) return;
    const box = area.getBoundingClientRect();
    const at = (x) => this.start + Math.min(Math.max((x - box.left) / box.width, 0), 1) * (this.end - this.start);
    this.dragged = false;
    const move = (moved) => {
      if (!this.dragged && Math.abs(moved.clientX - event.clientX) < DRAG_PX) return;
      this.dragged = true;
      const ends = [at(event.clientX), at(moved.clientX)];
      this.pickRange(Math.min(...ends), Math.max(...ends));
    };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, stop);
    };
    event.preventDefault();
    window.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, stop);
  }

  /* Begin or end the range at the playhead; the other end gives way. */
  markRange(isStart) {
    let [start, end] = this.range;
    if (isStart) start = this.ms;
    else end = this.ms;
    if (start >= end) {
      if (isStart) end = NaN;
      else start = NaN;
    }
    this.pickRange(start, end);
  }

  playRange() {
    const [start, end] = this.range;
    if (!this.audio || !(end > start)) {
      range?.reportValidity();
      return;
    }
    this.seek(start, true);
    this.stopAt = end;
  }

  onClick(event) {
    if (event.target.closest("[data-segment]")) return;
    if (this.dragged) {
      this.dragged = false;
      return;
    }
    const area = event.target.closest("[data-seek]");
    if (!area) return;
    const box = area.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    this.seek(this.start + share * (this.end - this.start));
  }

  /* Arrow keys move the focus between the segments of a lane. */
  onLaneKey(event) {
    const link = event.target.closest?.(".seg-link");
    if (!link || !["ArrowLeft", "ArrowRight", " "].includes(event.key)) return;
    event.preventDefault();
    if (event.key === " ") {
      link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
      return;
    }
    const lane = [...link.closest("[data-lane]").querySelectorAll(".seg-link")];
    const step = event.key === "ArrowRight" ? 1 : -1;
    lane[lane.indexOf(link) + step]?.focus();
  }

  toggle() {
    if (this.audio.paused) this.audio.play();
    else this.audio.pause();
  }

  seek(ms, play = false) {
    if (!this.audio) return;
    this.stopAt = null;
    const limit = Number.isFinite(this.audio.duration) ? this.audio.duration : Infinity;
    this.audio.currentTime = Math.min(Math.max(ms / 1000, 0), limit);
    if (play) this.audio.play();
    this.draw();
    this.follow(ms);
  }

  /* Continue at the previous player's time, without moving the window. */
  restore(ms, play) {
    if (!this.audio) return;
    this.audio.currentTime = ms / 1000;
    if (play) this.audio.play();
    this.draw();
  }

  /* Load the window that contains this time if it is outside the drawn one. */
  follow(ms) {
    const duration = Number(this.ribbon?.dataset.duration ?? 0);
    const length = this.end - this.start;
    if (this.loading || length >= duration || (ms >= this.start && ms <= this.end)) return;
    this.loading = true;
    load(windowAround(location.href, ms + length / 4, length, duration));
  }

  jump(step) {
    const now = this.ms;
    const later = this.segments.filter((segment) => segment.start > now + 50);
    const earlier = this.segments.filter((segment) => segment.start < now - 1500);
    const target = step > 0 ? later[0] : earlier[earlier.length - 1];
    if (target) this.seek(target.start);
  }

  onPlayState() {
    const playing = !this.audio.paused && !this.audio.ended;
    this.root.classList.toggle("is-playing", playing);
    if (this.button) {
      this.button.setAttribute("aria-label", playing ? this.button.dataset.labelPause : this.button.dataset.labelPlay);
    }
    cancelAnimationFrame(this.frame);
    if (playing && !REDUCED.matches) this.run();
  }

  run() {
    this.draw();
    if (this.root.isConnected) this.frame = requestAnimationFrame(() => this.run());
    else this.audio.pause();
  }

  draw() {
    const now = this.ms;
    if (this.stopAt && now >= this.stopAt) {
      this.stopAt = null;
      this.audio.pause();
    }
    if (this.clock) this.clock.textContent = clock(now);
    if (this.head && this.audio && this.end > this.start) {
      const share = (now - this.start) / (this.end - this.start);
      const inside = share >= 0 && share <= 1;
      this.head.toggleAttribute("hidden", !inside);
      this.head.setAttribute("display", inside ? "inline" : "none");
      if (inside) this.head.setAttribute("x", `${(share * 100).toFixed(3)}%`);
      if (this.wasInside && !inside && !this.audio.paused) this.follow(now);
      this.wasInside = inside;
    }
    this.mark(now);
  }

  /* Name the playing segment and mark it in the ribbon and the table. */
  mark(now) {
    const current = this.segments.find((segment) => now >= segment.start && now < segment.end);
    if (current === this.marked) return;
    this.marked = current;
    for (const segment of this.segments) segment.row?.classList.toggle("is-current", segment === current);
    for (const link of this.root.querySelectorAll(".seg-link")) {
      link.classList.toggle("is-playing", Boolean(current?.links.includes(link)));
    }
    for (const lane of this.root.querySelectorAll("[data-lane]")) {
      lane.classList.toggle("is-current", Boolean(current?.links.some((link) => lane.contains(link))));
    }
    if (this.now) this.now.textContent = current ? ` · ${current.name}` : "";
  }
}

let player = null;
let range = null;

function start() {
  range = document.querySelector("[data-range]");
  const root = document.querySelector("[data-player]");
  if (!root || player?.root === root) return;
  const at = player?.ms ?? fragment();
  const playing = player?.audio && !player.audio.paused;
  player = new Player(root);
  if (at) player.restore(at, playing);
}

function fragment() {
  const time = /[#&]t=([\d.]+)/.exec(location.hash);
  return time ? Number(time[1]) * 1000 : 0;
}

/* Return the URL of a window of the given length around a time. */
function windowAround(href, ms, length, duration) {
  const address = new URL(href);
  const start = Math.min(Math.max(Math.round(ms - length / 2), 0), Math.max(duration - length, 0));
  address.searchParams.set("from", start);
  address.searchParams.set("to", start + length);
  return `${address.pathname}${address.search}`;
}

/* Zoom around the playhead; without scripts the same link opens a window of that length. */
function zoom(event, link) {
  const wanted = new URL(link.href).searchParams;
  const length = Number(wanted.get("to")) - Number(wanted.get("from"));
  event.preventDefault();
  if (length > 0 && player) {
    load(windowAround(link.href, player.ms, length, Number(player.ribbon.dataset.duration)));
  } else {
    load(link.getAttribute("href"));
  }
}

function load(address) {
  window.htmx.ajax("GET", address, {
    source: player.root,
    target: player.root,
    select: "[data-player]",
    swap: "outerHTML",
  });
}

document.addEventListener("input", (event) => {
  if (range?.contains(event.target)) player?.drawRange();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-range-play]")) player?.playRange();
  const link = event.target.closest("[data-zoom]");
  if (link && window.htmx && !event.metaKey && !event.ctrlKey) {
    zoom(event, link);
    return;
  }
  const segment = event.target.closest("[data-segment]");
  if (!segment || !player?.audio || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  player.seek(Number(segment.dataset.start), true);
});

/* The walk through the music of the file. */
onKey((event) => {
  if (event.key === "r" && press("[data-walk]")) event.preventDefault();
});

/* The picked range. */
onKey((event) => {
  if (!range || !player) return;
  const actions = {
    i: () => player.audio && player.markRange(true),
    o: () => player.audio && player.markRange(false),
    n: () => press("[data-range-name]"),
    a: () => press("[data-range-add]"),
    P: () => player.playRange(),
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

onKey((event) => {
  if (!player?.audio || event.target.closest?.(".seg-link")) {
    if (!player?.audio || !["p", "[", "]"].includes(event.key)) return;
  }
  const step = event.shiftKey ? 100 : 1000;
  const actions = {
    p: () => player.toggle(),
    "[": () => player.jump(-1),
    "]": () => player.jump(1),
    arrowleft: () => player.seek(player.ms - step),
    arrowright: () => player.seek(player.ms + step),
  };
  const action = actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("htmx:afterSettle", start);
start();
