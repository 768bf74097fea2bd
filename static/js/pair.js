/* Plays source and reference in step on one clock, and moves the playheads. */

import { getPage } from "./server.js";
import { announce, press } from "./shell.js";

const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");
const KEPT = "acrportal.pair";
const SVG = "http://www.w3.org/2000/svg";

/* Beyond this distance the second voice seeks; below it, its speed changes slightly. */
const JUMP_MS = 60;
const JUMP_EVERY_MS = 700;
const NUDGE = 0.004;
/* Seeking takes time, so each seek aims ahead by the last one's delay, at most this. */
const MOST_LATE_MS = 1500;

let sound = null;

/* What the keys do on every page with a pair; the page adds P and its own. */
export function keysOfPair(pair, event) {
  const step = event.shiftKey ? 100 : 1000;
  return {
    a: () => pair && announce(pair.nextSide()),
    "[": () => press('[data-jump="-1"]'),
    "]": () => press('[data-jump="1"]'),
    ...(pair && {
      arrowleft: () => pair.seek(pair.at - step),
      arrowright: () => pair.seek(pair.at + step),
    }),
  };
}

/* The same for pages that list their keys one by one; false if the key is another. */
export function pressedOnPair(pair, event) {
  const action = pair && keysOfPair(pair, event)[event.key.toLowerCase()];
  action?.();
  return Boolean(action);
}

export function clock(ms) {
  const whole = Math.max(0, Math.floor(ms));
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = String(Math.floor(whole / 1000) % 60).padStart(2, "0");
  const rest = String(whole % 1000).padStart(3, "0");
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${head}:${seconds}.${rest}`;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/* Let the browser fetch the sounds of a match that comes next, where they will start. */
export function fetchSound(node) {
  const pair = node.querySelector("[data-pair]");
  for (const audio of pair?.querySelectorAll("[data-audio]") ?? []) {
    const { start, reference } = pair.dataset;
    const at = Number(audio.dataset.audio === "source" ? start : reference);
    audio.preload = "auto";
    audio.src = audio.getAttribute("src").split("#")[0];
    audio.currentTime = Math.max(at, 0) / 1000;
  }
}

/* One audio element with its own gain and stereo position. */
class Voice {
  constructor(element, rate, keepsPitch) {
    this.element = element;
    this.rate = rate;
    this.jumpedAt = 0;
    this.late = 0;
    this.jumping = false;
    // Drop the URL's media fragment, because playback would stop at its end.
    const address = element.getAttribute("src").split("#")[0];
    if (element.getAttribute("src") !== address) element.src = address;
    element.preservesPitch = keepsPitch;
    element.playbackRate = rate;
    element.controls = false;
  }

  get ms() {
    return this.element.currentTime * 1000;
  }

  connect() {
    if (this.gain || !sound) return;
    const source = sound.createMediaElementSource(this.element);
    this.gain = sound.createGain();
    this.pan = sound.createStereoPanner();
    source.connect(this.gain).connect(this.pan).connect(sound.destination);
  }

  mix(level, pan) {
    if (this.gain) {
      this.gain.gain.setTargetAtTime(level, sound.currentTime, 0.008);
      this.pan.pan.value = pan;
    } else {
      this.element.muted = level === 0;
    }
  }

  reaches(ms) {
    const length = this.element.duration;
    return ms >= 0 && (!Number.isFinite(length) || ms < length * 1000 - 20);
  }

  /* Seeking costs time even to the same place, where a preloaded sound already stands. */
  seek(ms) {
    if (!this.reaches(ms)) this.element.pause();
    else if (this.ms !== ms) this.element.currentTime = ms / 1000;
  }

  ready() {
    const element = this.element;
    if (element.readyState >= 3 && !element.seeking) return Promise.resolve();
    return new Promise((resolve) => {
      for (const name of ["canplay", "error"]) element.addEventListener(name, resolve, { once: true });
      if (element.readyState === 0) element.load();
    });
  }

  play() {
    this.element.playbackRate = this.rate;
    return this.element.play().catch(() => {});
  }
}

export class Pair {
  constructor(root) {
    const data = root.dataset;
    this.root = root;
    this.start = Number(data.start);
    this.end = Number(data.end);
    this.from = Number(data.from);
    this.to = Number(data.to);
    this.reference = Number(data.reference);
    this.ratio = Number(data.ratio);
    this.gains = { source: Number(data.sourceGain), reference: Number(data.referenceGain) };
    this.voices = this.readVoices();
    this.settings = this.readSettings();
    this.playing = false;
    this.at = this.start;
    this.dot = this.makeDot();
    this.listen();
    this.showSettings();
    this.draw(true);
  }

  readVoices() {
    const voices = {};
    for (const element of this.root.querySelectorAll("[data-audio]")) {
      const name = element.dataset.audio;
      voices[name] = new Voice(element, name === "reference" ? this.ratio : 1, "keepsPitch" in this.root.dataset);
    }
    return voices;
  }

  readSettings() {
    const stored = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    const settings = { side: "both", loop: true, context: false, loudness: false, ...stored };
    const names = Object.keys(this.voices);
    if (names.length === 1) settings.side = names[0];
    return settings;
  }

  keep(change) {
    Object.assign(this.settings, change);
    localStorage.setItem(KEPT, JSON.stringify(this.settings));
    this.showSettings();
  }

  showSettings() {
    for (const button of this.root.querySelectorAll("[data-side]")) {
      const on = button.dataset.side === this.settings.side;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    for (const button of this.root.querySelectorAll("[data-toggle]")) {
      button.setAttribute("aria-pressed", String(this.settings[button.dataset.toggle]));
    }
    this.mix();
  }

  /* Both voices always play; muting one switches sides without a gap. */
  mix() {
    for (const [name, voice] of Object.entries(this.voices)) {
      const both = this.settings.side === "both";
      const heard = both || this.settings.side === name;
      const level = this.settings.loudness ? this.gains[name] : 1;
      voice.mix(heard ? level : 0, both ? (name === "source" ? -1 : 1) : 0);
    }
  }

  listen() {
    this.root.addEventListener("click", (event) => this.onClick(event));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    const stage = this.root.querySelector("[data-stage]");
    stage.addEventListener("pointerdown", (event) => this.onPointer(event, stage));
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-play]")) this.toggle();
    if (button.dataset.side) this.keep({ side: button.dataset.side });
    if (button.dataset.toggle) this.keep({ [button.dataset.toggle]: !this.settings[button.dataset.toggle] });
  }

  onPointer(event, stage) {
    if (event.button !== 0) return;
    const box = stage.getBoundingClientRect();
    const place = (moved) => this.from + clamp((moved.clientX - box.left) / box.width, 0, 1) * (this.to - this.from);
    const move = (moved) => this.seek(place(moved));
    const stop = () => {
      stage.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
    };
    stage.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    move(event);
  }

  /* Arrow keys change the side; Home and End on a waveform seek to the segment's ends. */
  onKey(event) {
    const side = event.target.closest("[role=radio]");
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (side && step) {
      const open = [...this.root.querySelectorAll("[data-side]:not(:disabled)")];
      const next = open[(open.indexOf(side) + step + open.length) % open.length];
      this.keep({ side: next.dataset.side });
      next.focus();
      event.preventDefault();
    } else if (event.target.closest("[role=slider]") && ["Home", "End"].includes(event.key)) {
      this.seek(event.key === "Home" ? this.start : this.end);
      event.preventDefault();
    }
  }

  get range() {
    return this.settings.context ? [Math.max(this.from, 0), this.to] : [this.start, this.end];
  }

  get master() {
    return this.voices.source ?? this.voices.reference;
  }

  placeOf(voice, at) {
    return voice === this.voices.reference ? this.reference + (at - this.start) * this.ratio : at;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  async play() {
    const voices = Object.values(this.voices);
    if (!voices.length) return;
    this.playing = true;
    this.showState();
    if (!sound && window.AudioContext) sound = new AudioContext();
    for (const voice of voices) voice.connect();
    this.mix();
    const [low, high] = this.range;
    this.place(this.at >= low && this.at < high - 50 ? this.at : low);
    await Promise.all([sound?.resume(), ...voices.map((voice) => voice.ready())]);
    if (!this.playing) return;
    for (const voice of voices) if (voice.reaches(this.placeOf(voice, this.at))) voice.play();
    this.run();
  }

  pause() {
    this.playing = false;
    for (const voice of Object.values(this.voices)) voice.element.pause();
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.showState();
    this.draw(true);
  }

  stop() {
    this.pause();
    for (const voice of Object.values(this.voices)) voice.element.removeAttribute("src");
  }

  /* Seek every voice to this time. */
  place(at) {
    this.at = clamp(at, Math.max(this.from, 0), this.to);
    for (const voice of Object.values(this.voices)) {
      voice.seek(this.placeOf(voice, this.at));
      voice.jumpedAt = performance.now();
      voice.jumping = false;
    }
  }

  seek(at) {
    this.place(at);
    this.draw(true);
    if (this.playing) this.align();
  }

  run() {
    if (!this.playing) return;
    if (!this.root.isConnected) {
      this.pause();
      return;
    }
    this.follow();
    this.draw(false);
    const again = () => this.run();
    if (REDUCED.matches || document.hidden) this.timer = setTimeout(again, 250);
    else this.frame = requestAnimationFrame(again);
  }

  follow() {
    const master = this.master;
    if (!master.element.paused && !master.element.seeking) {
      const ms = master.ms;
      this.at = master === this.voices.reference ? this.start + (ms - this.reference) / this.ratio : ms;
    }
    const [low, high] = this.range;
    if (this.at >= high || master.element.ended) {
      this.place(low);
      if (!this.settings.loop) {
        this.pause();
        return;
      }
    }
    this.align();
  }

  /* Keep every voice in step with the master; pause voices without sound here. */
  align() {
    for (const voice of Object.values(this.voices)) {
      const wanted = this.placeOf(voice, this.at);
      if (!voice.reaches(wanted)) {
        voice.element.pause();
        continue;
      }
      if (voice.element.paused) {
        voice.seek(wanted);
        voice.play();
      }
      if (voice !== this.master) this.drawIn(voice, voice.ms - wanted);
    }
  }

  drawIn(voice, ahead) {
    const now = performance.now();
    if (voice.element.seeking || now - voice.jumpedAt < JUMP_EVERY_MS) return;
    if (voice.jumping) voice.late = clamp(voice.late - ahead, 0, MOST_LATE_MS);
    voice.jumping = Math.abs(ahead) > JUMP_MS;
    if (voice.jumping) {
      voice.jumpedAt = now;
      voice.seek(voice.ms - ahead + voice.late);
    }
    voice.element.playbackRate = voice.rate * (1 - clamp(ahead / 4000, -NUDGE, NUDGE));
  }

  showState() {
    this.root.classList.toggle("is-playing", this.playing);
    const button = this.root.querySelector("[data-play]");
    button.setAttribute("aria-label", this.playing ? button.dataset.labelPause : button.dataset.labelPlay);
  }

  makeDot() {
    const stroke = document.querySelector("#plot .plot-stroke.is-current");
    if (!stroke) return null;
    const dot = document.createElementNS(SVG, "circle");
    dot.setAttribute("class", "plot-now");
    dot.setAttribute("r", "5");
    stroke.parentNode.append(dot);
    const place = (name) => Number(stroke.getAttribute(name));
    return { dot, x: [place("x1"), place("x2")], y: [place("y1"), place("y2")] };
  }

  draw(exactly) {
    const reference = this.reference + (this.at - this.start) * this.ratio;
    const texts = { source: clock(this.at), reference: clock(reference) };
    for (const name of ["source", "reference"]) {
      this.root.querySelector(`[data-clock=${name}]`).textContent = texts[name];
    }
    const which = this.root.querySelector("[data-which-time]");
    which.textContent = `${texts.source} · ${which.dataset.whichTime || "ref"} ${texts.reference}`;
    const share = (this.at - this.from) / (this.to - this.from);
    this.root.querySelector("[data-pair-now]").setAttribute("x", `${(share * 100).toFixed(3)}%`);
    this.drawElsewhere();
    const second = Math.floor(this.at / 1000);
    if (exactly || second !== this.told) this.tell(texts, reference);
    this.told = second;
  }

  drawElsewhere() {
    const ribbon = document.querySelector("[data-match] [data-ribbon]");
    const now = ribbon?.querySelector("[data-ribbon-now]");
    if (now) {
      const { start, end } = ribbon.dataset;
      now.setAttribute("x", `${((100 * (this.at - start)) / (end - start)).toFixed(3)}%`);
    }
    if (!this.dot) return;
    const share = clamp((this.at - this.start) / (this.end - this.start), 0, 1);
    const { dot, x, y } = this.dot;
    dot.setAttribute("cx", (x[0] + share * (x[1] - x[0])).toFixed(1));
    dot.setAttribute("cy", (y[0] + share * (y[1] - y[0])).toFixed(1));
  }

  tell(texts, reference) {
    const says = this.root.dataset.says
      .replace("{source}", texts.source)
      .replace("{reference}", texts.reference);
    for (const wave of this.root.querySelectorAll("[data-wave]")) {
      wave.setAttribute("aria-valuetext", says);
      wave.setAttribute("aria-valuenow", String(Math.round(wave.dataset.wave === "source" ? this.at : reference)));
    }
  }

  nextSide() {
    const open = [...this.root.querySelectorAll("[data-side]:not(:disabled)")].map(({ dataset }) => dataset.side);
    if (!open.length) return "";
    const next = open[(open.indexOf(this.settings.side) + 1) % open.length];
    this.keep({ side: next });
    return this.root.querySelector(`[data-side=${next}]`).textContent.replace(/\s+/g, " ").trim();
  }
}

/* Draw the ribbon of the match on screen again: loaded ahead, it is older than the last
   decision. */
export async function redrawRibbon(address, isStill) {
  const page = await getPage(address, { ahead: true });
  const node = page.querySelector(".ribbon--review");
  const old = document.querySelector("[data-match] .ribbon--review");
  if (node && old && isStill() && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(node));
}
