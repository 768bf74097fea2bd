/* Sounds with a waveform: play, a place by mouse or keys, a clock. Sounds of a group share
   one place: who changes from one to another goes on at the same instant of the music. Of a
   sound with an interval, play starts there and pauses at its end; ``sound:interval`` gives it
   another one. A cut-out of a sound begins at its start. */

import { clock } from "./pair.js";

const STEP_MS = 1000;
const FINE_MS = 100;
const groups = new Map();

class Sound {
  constructor(root) {
    const data = root.dataset;
    this.root = root;
    this.audio = root.querySelector("[data-sound-audio]");
    this.button = root.querySelector("[data-sound-play]");
    this.place = root.querySelector("[data-sound-place]");
    this.now = root.querySelector("[data-sound-now]");
    this.clock = root.querySelector("[data-sound-clock]");
    this.length = Number(data.length) || 1;
    this.start = Number(data.start ?? 0);
    this.step = { here: Number(data.here ?? 0), first: Number(data.first ?? 0), rate: Number(data.rate ?? 1) };
    this.interval = data.to ? { from: Number(data.from), to: Number(data.to) } : null;
    this.at = this.interval?.from ?? 0;
    this.group = data.group ? groups.get(data.group) ?? [] : [];
    this.group.push(this);
    if (data.group) groups.set(data.group, this.group);
    if (!this.audio) return;
    this.listen();
    this.show();
  }

  listen() {
    this.audio.controls = false;
    this.button.addEventListener("click", () => this.toggle());
    this.audio.addEventListener("play", () => this.onPlay());
    this.audio.addEventListener("pause", () => this.show());
    this.audio.addEventListener("ended", () => this.show());
    this.place.addEventListener("pointerdown", (event) => {
      const box = this.place.getBoundingClientRect();
      this.goTo(this.start + ((event.clientX - box.left) / box.width) * this.length);
      this.place.setPointerCapture(event.pointerId);
    });
    this.place.addEventListener("pointermove", (event) => {
      if (!this.place.hasPointerCapture(event.pointerId)) return;
      const box = this.place.getBoundingClientRect();
      this.goTo(this.start + ((event.clientX - box.left) / box.width) * this.length);
    });
    this.place.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("sound:interval", ({ detail }) => this.pick(detail));
  }

  /* Play this interval from now on. */
  pick(interval) {
    this.interval = interval;
    const share = (ms) => `${((100 * (ms - this.start)) / this.length).toFixed(3)}%`;
    const drawn = this.root.querySelector(".sound__interval");
    drawn.setAttribute("x", share(interval.from));
    drawn.setAttribute("width", share(this.start + interval.to - interval.from));
    this.goTo(interval.from);
  }

  onKey(event) {
    const by = event.shiftKey ? FINE_MS : STEP_MS;
    const to = { ArrowLeft: this.at - by, ArrowRight: this.at + by, ArrowDown: this.at - by, ArrowUp: this.at + by, Home: this.start, End: this.start + this.length }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.goTo(to);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.toggle();
    }
  }

  /* Times of the group are times in its first recording. */
  get shared() {
    return this.step.first + (this.at - this.step.here) / this.step.rate;
  }

  fromShared(ms) {
    return this.step.here + (ms - this.step.first) * this.step.rate;
  }

  toggle() {
    if (this.audio.paused) {
      this.seek();
      this.audio.play().catch(() => this.show());
    } else {
      this.audio.pause();
    }
  }

  seek() {
    this.audio.currentTime = this.at / 1000;
  }

  goTo(ms) {
    this.move(ms);
    if (this.audio.readyState > 0) this.seek();
    this.moveOthers();
  }

  move(ms) {
    this.at = Math.min(Math.max(ms, this.start, 0), this.start + this.length);
    this.show();
  }

  moveOthers() {
    for (const other of this.group) {
      if (other !== this) other.move(other.fromShared(this.shared));
    }
  }

  onPlay() {
    for (const other of document.querySelectorAll("audio")) {
      if (other !== this.audio) other.pause();
    }
    const follow = () => {
      if (this.audio.paused) return;
      const before = this.at;
      this.move(this.audio.currentTime * 1000);
      const { interval } = this;
      if (interval && before < interval.to && this.at >= interval.to) {
        this.audio.pause();
        this.goTo(interval.from);
        return;
      }
      this.moveOthers();
      requestAnimationFrame(follow);
    };
    follow();
  }

  show() {
    if (!this.audio) return;
    const x = `${(100 * (this.at - this.start)) / this.length}%`;
    this.now.setAttribute("x1", x);
    this.now.setAttribute("x2", x);
    this.clock.textContent = clock(this.at);
    this.place.setAttribute("aria-valuenow", Math.round(this.at));
    this.place.setAttribute("aria-valuetext", clock(this.at));
    const isPlaying = !this.audio.paused;
    this.root.classList.toggle("is-playing", isPlaying);
    this.button.setAttribute("aria-label", isPlaying ? this.button.dataset.labelPause : this.button.dataset.labelPlay);
  }
}

export function begin(place) {
  for (const root of place.querySelectorAll("[data-sound]:not([data-sound-ready])")) {
    root.dataset.soundReady = "";
    new Sound(root);
  }
}

begin(document);
document.addEventListener("htmx:load", (event) => begin(event.target));
document.addEventListener("list:drawn", (event) => begin(event.target));
