/* The player of a scanned file: one clock for the audio, the ribbon and the tables. */

import { onKey } from "./shell.js";

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
  }

  readSegments() {
    const all = [...document.querySelectorAll(".seg-link[data-segment]")].map((link) => ({
      link,
      start: Number(link.dataset.start),
      end: Number(link.dataset.end),
    }));
    return all.sort((a, b) => a.start - b.start);
  }

  get ms() {
    return (this.audio?.currentTime ?? 0) * 1000;
  }

  listen() {
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

  onClick(event) {
    if (event.target.closest("[data-segment]")) return;
    const area = event.target.closest("[data-seek]");
    if (!area) return;
    const box = area.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    this.seek(this.start + share * (this.end - this.start));
  }

  /* Inside a lane the arrow keys walk from segment to segment. */
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
    const limit = Number.isFinite(this.audio.duration) ? this.audio.duration : Infinity;
    this.audio.currentTime = Math.min(Math.max(ms / 1000, 0), limit);
    if (play) this.audio.play();
    this.draw();
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
    if (this.clock) this.clock.textContent = clock(now);
    if (this.head && this.end > this.start) {
      const share = (now - this.start) / (this.end - this.start);
      const inside = share >= 0 && share <= 1;
      this.head.toggleAttribute("hidden", !inside);
      this.head.setAttribute("display", inside ? "inline" : "none");
      if (inside) this.head.setAttribute("x", `${(share * 100).toFixed(3)}%`);
    }
    this.mark(now);
  }

  /* Name what plays now, and mark it in the ribbon and in the tables. */
  mark(now) {
    const current = this.segments.find((segment) => now >= segment.start && now < segment.end);
    const key = current ? current.start : -1;
    if (key === this.marked) return;
    this.marked = key;
    for (const segment of this.segments) {
      segment.link.classList.toggle("is-playing", segment === current);
    }
    for (const row of document.querySelectorAll("[data-segment-row]")) {
      row.classList.toggle("is-current", Number(row.dataset.start) === key);
    }
    for (const lane of this.root.querySelectorAll("[data-lane]")) {
      lane.classList.toggle("is-current", Boolean(current && lane.contains(current.link)));
    }
    if (this.now) {
      const name = current?.link.getAttribute("aria-label").split(", ").slice(0, 2).join(", ");
      this.now.textContent = name ? ` · ${name}` : "";
    }
  }
}

let player = null;

function start() {
  const root = document.querySelector("[data-player]");
  if (!root || player?.root === root) return;
  const at = player?.ms ?? fragment();
  const playing = player?.audio && !player.audio.paused;
  player = new Player(root);
  if (at) player.seek(at, playing);
}

function fragment() {
  const found = /[#&]t=([\d.]+)/.exec(location.hash);
  return found ? Number(found[1]) * 1000 : 0;
}

/* Zoom around the playhead; without scripts the same link opens the same stretch. */
function zoom(event, link) {
  const address = new URL(link.href);
  const from = Number(address.searchParams.get("from"));
  const to = Number(address.searchParams.get("to"));
  if (to > from && player) {
    const length = to - from;
    const duration = Number(player.ribbon.dataset.duration);
    const start = Math.min(Math.max(Math.round(player.ms - length / 2), 0), Math.max(duration - length, 0));
    address.searchParams.set("from", start);
    address.searchParams.set("to", start + length);
  }
  event.preventDefault();
  load(`${address.pathname}${address.search}`);
}

function load(address) {
  window.htmx.ajax("GET", address, {
    source: player.root,
    target: player.root,
    select: "[data-player]",
    swap: "outerHTML",
  });
}

document.addEventListener("click", (event) => {
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
