/* Uploads and links: one row with progress and errors each, three transfers at a time.

   A file is hashed first, so that known bytes are not sent. The others go in pieces by the
   tus protocol, and continue where they stopped after a lost connection or a closed page. */

/* global tus */

import { plural, say } from "./server.js";
import { announce } from "./shell.js";

const PARALLEL = 3;
const POLL_MS = 1500;
/* The server takes no larger pieces. */
const PIECE_BYTES = 8 * 1024 * 1024;
const RETRY_MS = [0, 1000, 3000, 5000, 10000, 20000, 30000];
const LINKS_URL = "/api/portal/v1/links/";
const READ_LINKS_URL = "/api/portal/v1/links/read/";
// Typing pauses this long before the links are read.
const TYPING_MS = 300;
const ACTIVE = new Set(["waiting", "processing"]);
const ICONS = {
  queued: "clock", uploading: "upload", waiting: "clock", processing: "wave", ready: "check",
  no_match: "wave", needs_audio: "info", error: "triangle", cancelled: "ban", seen: "refresh",
};

const form = document.querySelector("[data-upload]");
/* British dates for English: the day comes before the month. */
const locale = () => (document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang);

function size(bytes) {
  const units = [say("bytes"), "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits })} ${units[unit]}`;
}

const left = (seconds) => (seconds >= 90 ? say("minutesLeft", { n: Math.round(seconds / 60) }) : say("secondsLeft", { n: Math.max(1, Math.round(seconds)) }));

/* Refusals of a file that sending it again cannot change. */
const HOPELESS = new Set(["empty_file", "file_too_large", "http_413", "file_changed"]);
/* What a file is opened for. */
const NEXT = { no_match: "seeWhy", needs_audio: "attachAudio" };

/* The paths of files that were dropped in their folders. */
const paths = new WeakMap();

/* What tells a file from others when it is chosen again. */
const identity = (file) => [file.name, file.size, file.lastModified].join(":");

class Row {
  constructor(batch, { file = null, link = "" }) {
    this.batch = batch;
    this.file = file;
    this.link = link;
    this.name = file ? paths.get(file) || file.webkitRelativePath || file.name : link;
    this.state = "queued";
    this.again = false;
    this.element = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    this.part("name").textContent = this.name;
    this.part("size").textContent = file ? size(file.size) : "";
    this.part("cancel-name").textContent = say("remove", { name: this.name });
    this.part("progress").querySelector("progress").setAttribute("aria-label", this.name);
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("retry").addEventListener("click", () => this.retry());
    this.icon(file ? "wave" : "link");
    this.show("queued", say("notStarted"));
    this.progress(0, say("startsLater"));
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  icon(name) {
    this.part("icon").setAttribute("href", `${this.batch.icons}#${name}`);
  }

  show(state, label, kind = state) {
    const changed = this.state !== state;
    this.state = state;
    const badge = this.part("badge");
    badge.className = `badge badge--${kind in ICONS ? kind : "outline"}`;
    if (["queued", "uploading", "seen"].includes(kind)) badge.className = "badge badge--outline";
    this.part("badge-icon").setAttribute("href", `${this.batch.icons}#${ICONS[kind] ?? "info"}`);
    this.part("badge-text").textContent = label;
    this.element.classList.toggle("upload-row--error", state === "error");
    if (changed && state !== "queued") announce(`${this.name}: ${label}`);
    this.batch.count();
  }

  progress(share, words) {
    const bar = this.part("progress");
    bar.hidden = false;
    bar.querySelector("progress").value = share;
    this.part("progress-text").textContent = words;
    this.part("text").hidden = true;
  }

  say(words, request = "") {
    this.part("progress").hidden = true;
    const line = this.part("text");
    line.hidden = false;
    line.textContent = words;
    if (!request) return;
    const detail = document.createElement("span");
    detail.className = "request-id";
    detail.textContent = ` req ${request}`;
    line.append(detail);
  }

  open(url, label) {
    const link = this.part("open");
    link.hidden = false;
    link.href = url;
    link.textContent = label;
    const name = document.createElement("span");
    name.className = "visually-hidden";
    name.textContent = ` ${this.name}`;
    link.append(name);
  }

  fail({ message, code = "", request_id: request = "" }, canRetry = true) {
    this.mustChange = code === "link_refused";
    this.icon("triangle");
    // The person who typed the link can change it and needs no support.
    this.say(message, this.mustChange ? "" : request);
    this.show("error", say("error"));
    const retry = this.part("retry");
    retry.textContent = say(this.mustChange ? "changeLink" : "tryAgain");
    retry.hidden = !canRetry || HOPELESS.has(code);
    this.part("cancel").hidden = false;
  }

  retry() {
    if (this.mustChange) {
      this.batch.change(this);
      return;
    }
    this.part("retry").hidden = true;
    this.part("open").hidden = true;
    this.icon(this.file ? "wave" : "link");
    this.show("queued", say("notStarted"));
    this.progress(0, "");
    this.batch.start();
  }

  cancel() {
    if (this.stop) {
      this.stop();
      return;
    }
    if (this.uid && ACTIVE.has(this.state)) {
      if (window.confirm(say("cancelScan", { name: this.name }))) this.batch.post(`${this.batch.filesUrl}${this.uid}/cancel/`);
      return;
    }
    clearTimeout(this.timer);
    this.batch.remove(this);
  }

  /* Send the file unless the container holds its bytes; then ask for its scan. */
  async upload() {
    this.show("uploading", say("uploading"));
    this.stopped = false;
    this.aimAt(this.batch.details().container);
    try {
      await this.refuseChanged();
      // Scanned again, it is a file of its own, with the name and details of this batch.
      const known = this.arrived || this.again ? null : await this.known();
      if (known) {
        this.take(known);
        return;
      }
      this.arrived ??= await this.send();
      this.progress(100, say("checking"));
      const details = { ...this.batch.details(), source_url: this.address ?? "", scan_again: this.again };
      delete details.container;
      this.take(await this.ask(`${this.arrived}finish/`, details));
    } catch (refused) {
      if (this.stopped) this.onStopped();
      else this.fail(refused);
    } finally {
      this.stop = null;
    }
  }

  /* Throw if the file changed or moved since it was chosen. Browsers read no such file,
     and tell of it as of a lost connection. */
  async refuseChanged() {
    try {
      await this.file.slice(0, 1).arrayBuffer();
    } catch {
      throw { message: say("fileChanged"), code: "file_changed" };
    }
  }

  /* What is known of another container does not count. */
  aimAt(container) {
    if (this.container === container) return;
    this.container = container;
    this.arrived = null;
    this.again = false;
  }

  /* Return the earlier file with the same bytes, if there is one. */
  async known() {
    const hash = await this.hash();
    if (!hash) return null;
    this.progress(100, say("comparing"));
    return this.ask(this.batch.knownUrl, { container: this.container, sha256: hash });
  }

  hash() {
    const worker = new Worker(this.batch.hashScript);
    return new Promise((resolve, reject) => {
      this.stop = () => {
        this.stopped = true;
        reject(new Error("stopped"));
      };
      worker.onmessage = ({ data }) => {
        if ("hash" in data) resolve(data.hash);
        else this.progress((100 * data.sent) / this.file.size, say("comparing"));
      };
      /* Without the hash the server finds out once the bytes are there. */
      worker.onerror = () => resolve("");
      worker.postMessage(this.file);
    }).finally(() => worker.terminate());
  }

  /* Send the pieces that are missing; return the address of the complete upload. */
  async send() {
    const began = performance.now();
    let first = null;
    const { container, batch: { person } } = this;
    return new Promise((resolve, reject) => {
      const upload = new tus.Upload(this.file, {
        endpoint: this.batch.uploadsUrl,
        chunkSize: PIECE_BYTES,
        retryDelays: RETRY_MS,
        removeFingerprintOnSuccess: true,
        // A name is no path; this stroke only looks like one that parts folders.
        metadata: { filename: this.name.replaceAll("/", "\u2215"), container },
        headers: { "X-CSRFToken": this.batch.token, Accept: "application/json" },
        fingerprint: async (file) => ["upload", person, container, identity(file)].join(":"),
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          if (!status) {
            this.part("progress-text").textContent = say("waitingForConnection");
            this.refuseChanged().catch((changed) => {
              upload.abort(true).catch(() => {});
              reject(changed);
            });
          }
          return !status || status >= 500 || status === 409;
        },
        onProgress: (sent, total) => {
          first ??= sent;
          this.onProgress(sent, total, (sent - first) / Math.max((performance.now() - began) / 1000, 0.001));
        },
        onSuccess: () => resolve(new URL(upload.url, location.href).pathname),
        onError: (error) => this.refuseChanged().then(() => reject(this.causeOf(error)), reject),
      });
      this.stop = () => {
        this.stopped = true;
        this.arrived = null;
        upload.abort(true).catch(() => {});
        reject(new Error("stopped"));
      };
      upload.findPreviousUploads().then((before) => {
        if (this.stopped) return;
        if (before.length) upload.resumeFromPreviousUpload(before[0]);
        upload.start();
      });
    });
  }

  onProgress(sent, total, rate) {
    const words = [say("sentOf", { sent: size(sent), total: size(total) })];
    if (rate > 0 && sent < total) words.push(`${size(rate)}/s`, left((total - sent) / rate));
    this.progress((100 * sent) / total, sent === total ? say("checking") : words.join(" · "));
  }

  /* Return a failed transfer as the server's error, or as a lost connection. */
  causeOf(error) {
    const answer = error.originalResponse;
    if (!answer) return { message: say("connectionBroke", { name: this.name }), code: "offline" };
    const status = answer.getStatus();
    try {
      const body = JSON.parse(answer.getBody());
      if (body.message) return body;
    } catch {
      /* Not from the portal itself, but from a proxy before it. */
    }
    return { message: this.statusMessage(status), code: `http_${status}` };
  }

  /* Post JSON; return the answer, or null if it is empty. Throw the server's error.
     Without a connection, wait for it: each of these requests may be sent again. */
  async ask(url, data = {}) {
    const pauses = [...RETRY_MS];
    for (;;) {
      const { answer, error } = await this.batch.post(url, data);
      if (!error) return answer;
      if (error.code !== "offline" || !pauses.length) throw error;
      this.part("progress-text").textContent = say("waitingForConnection");
      await this.pause(pauses.shift());
    }
  }

  /* Wait, or until the connection is back; the person can stop it. */
  pause(ms) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      window.addEventListener("online", resolve, { once: true });
      this.stop = () => {
        this.stopped = true;
        clearTimeout(timer);
        reject(new Error("stopped"));
      };
    });
  }

  statusMessage(status) {
    if (status === 413) return say("tooLargeForServer", { name: this.name });
    if (status === 403) return say("mayNotUpload");
    return say("notStored", { name: this.name, status });
  }

  onStopped() {
    this.say(say("stopped"));
    this.show("cancelled", say("cancelled"));
    const retry = this.part("retry");
    retry.hidden = false;
    retry.textContent = say("uploadAgain");
  }

  /* The upload is complete: show the state that the server reports. */
  take(data) {
    this.uid = data.uid;
    this.linkName(data.url);
    this.part("cancel-name").textContent = say("cancel", { name: this.name });
    if (data.duplicate_of) {
      this.seenBefore(data);
      return;
    }
    this.follow(data);
  }

  linkName(url) {
    const link = document.createElement("a");
    link.href = url;
    link.textContent = this.name;
    this.part("name").replaceChildren(link);
  }

  seenBefore(data) {
    const when = new Date(data.duplicate_of.scanned_at).toLocaleDateString(locale(), { day: "numeric", month: "short", year: "numeric", timeZone: document.documentElement.dataset.zone });
    this.icon("files");
    const values = { when, name: data.duplicate_of.name, outcome: this.outcome(data) };
    this.say(say(this.link ? "linkSeen" : "fileSeen", values));
    this.show("seen", say("seen"));
    this.open(data.duplicate_of.url, say("openResult"));
    const retry = this.part("retry");
    retry.hidden = false;
    retry.textContent = say("scanAgain");
    this.again = true;
  }

  outcome(data) {
    if (data.state === "error" && data.message) return data.message;
    if (data.state === "no_match") return say("noMatch");
    if (data.match_count) return plural("matches", data.match_count);
    return `${data.state_label}.`;
  }

  follow(data) {
    if (data.duration_ms && this.file) {
      const seconds = Math.floor(data.duration_ms / 1000);
      const length = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      this.part("size").textContent = `${length} · ${size(this.file.size)}`;
    }
    if (ACTIVE.has(data.state)) {
      this.show(data.state, data.state_label);
      const words = data.state === "waiting" ? say("waiting") : `${data.progress} % · ${data.stage}`;
      this.progress(data.state === "waiting" ? 0 : data.progress, words);
      this.timer = setTimeout(() => this.poll(), POLL_MS);
      return;
    }
    this.finish(data);
  }

  finish(data) {
    this.part("cancel").hidden = true;
    if (data.state === "error") {
      this.icon("triangle");
      this.say(data.message || say("notScanned", { name: this.name }));
      this.show("error", data.state_label);
      this.open(data.url, say(this.link ? "attachAudio" : "seeWhy"));
      return;
    }
    this.show(data.state, data.state === "ready" && data.match_count ? this.outcome(data).slice(0, -1) : data.state_label);
    this.say(data.message || (data.state === "ready" ? say("done") : this.outcome(data)));
    if (data.match_count) this.open(`${this.batch.queueUrl}?file=${data.uid}`, say("review"));
    else this.open(data.url, say(NEXT[data.state] ?? "open"));
  }

  async poll() {
    try {
      const answer = await fetch(`${this.batch.filesUrl}${this.uid}/`, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        this.follow(await answer.json());
        return;
      }
      if (answer.status === 403 || answer.status === 404) {
        this.fail({ message: say("stateGone") }, false);
        return;
      }
    } catch {
      this.part("progress-text").textContent = say("noConnection");
    }
    this.timer = setTimeout(() => this.poll(), POLL_MS * 4);
  }
}

class Batch {
  constructor(root) {
    this.root = root;
    this.rows = [];
    this.running = 0;
    const { filesUrl, uploadsUrl, knownUrl, queueUrl, person, hashScript, icons } = root.dataset;
    Object.assign(this, { filesUrl, uploadsUrl, knownUrl, queueUrl, person, hashScript, icons });
    this.token = document.querySelector("meta[name=csrf-token]").content;
    this.maxBytes = Number(root.dataset.maxBytes);
    this.maxFiles = Number(root.dataset.maxFiles);
    this.input = root.querySelector("#id_files");
    this.links = root.querySelector("#id_links");
    this.zone = root.querySelector("[data-dropzone]");
    this.list = root.querySelector("[data-batch-list]");
    this.typed = [];
    this.listen();
    this.showFacts();
    this.showInterrupted();
    this.count();
  }

  /* Say what the chosen container does with the files. */
  showFacts() {
    const chosen = this.root.elements.container.value;
    for (const facts of this.root.querySelectorAll("[data-facts]")) facts.hidden = facts.dataset.facts !== chosen;
  }

  /* Name the uploads of this browser that stopped before their end and are not chosen. */
  async showInterrupted() {
    const all = await tus.defaultOptions.urlStorage.findAllUploads();
    const day = Date.now() - 24 * 3600 * 1000;
    const own = all.filter((upload) => upload.urlStorageKey.includes(`::upload:${this.person}:`) && new Date(upload.creationTime) > day);
    const interrupted = own.filter(({ urlStorageKey }) => !this.rows.some(({ file }) => file && urlStorageKey.includes(`:${identity(file)}::`)));
    const note = this.root.querySelector("[data-interrupted]");
    const names = interrupted.map((upload) => upload.metadata.filename).join(", ");
    note.querySelector("span").textContent = interrupted.length ? plural("interrupted", interrupted.length, { names }) : "";
    note.hidden = !interrupted.length;
  }

  listen() {
    this.root.elements.container.addEventListener("change", () => this.showFacts());
    this.root.elements.source_url.addEventListener("input", ({ target }) => target.setCustomValidity(""));
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    this.links.addEventListener("input", () => this.readSoon());
    document.addEventListener("paste", (event) => this.onPaste(event));
    let depth = 0;
    document.addEventListener("dragenter", (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      depth += 1;
      this.zone.classList.add("is-over");
    });
    document.addEventListener("dragleave", () => {
      depth = Math.max(0, depth - 1);
      if (!depth) this.zone.classList.remove("is-over");
    });
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      depth = 0;
      this.zone.classList.remove("is-over");
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      this.onDrop(event.dataTransfer);
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.rows.some((row) => row.stop)) event.preventDefault();
    });
  }

  onPaste(event) {
    if (event.clipboardData.files.length) {
      this.add([...event.clipboardData.files]);
      return;
    }
    const pasted = event.clipboardData.getData("text");
    if (event.target === this.links || !/https?:\/\/|www\./i.test(pasted)) return;
    if (/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    this.links.value = [this.links.value.trim(), pasted.trim()].filter(Boolean).join("\n");
    this.readSoon();
  }

  async onDrop(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) {
      this.add([...transfer.files]);
      return;
    }
    const files = (await Promise.all(entries.map(filesOf))).flat();
    const sound = files.filter((file) => !(paths.get(file)?.includes("/") && liesBesideSound(paths.get(file))));
    this.add(sound);
    if (sound.length === files.length) return;
    const text = plural("noSound", files.length - sound.length);
    announce(text);
    this.note = [this.note, text].filter(Boolean).join(" · ");
    this.count();
  }

  add(files) {
    const room = this.maxFiles - this.rows.filter((row) => row.state === "queued").length;
    for (const file of files.slice(0, room)) {
      const row = new Row(this, { file });
      this.place(row);
      if (!file.size) {
        row.fail({ message: say("empty", { name: row.name }) }, false);
      } else if (file.size > this.maxBytes) {
        row.fail({ message: say("tooLarge", { name: row.name, size: size(file.size), limit: size(this.maxBytes) }) }, false);
      }
    }
    if (files.length > room) announce(plural("leftOut", files.length - room, { limit: this.maxFiles }));
    this.note = files.length > room ? say("leftOutShort", { n: files.length - room, limit: this.maxFiles }) : "";
    this.count();
  }

  place(row) {
    this.rows.push(row);
    this.list.append(row.element);
    this.showInterrupted();
    this.count();
  }

  remove(row) {
    const next = row.element.nextElementSibling?.querySelector("button:not([hidden])");
    this.rows = this.rows.filter((other) => other !== row);
    row.element.remove();
    (next ?? this.input).focus();
    this.showInterrupted();
    this.count();
  }

  /* Put a refused link back into the box, to be corrected there. */
  change(row) {
    this.links.value = [this.links.value.trim(), row.link].filter(Boolean).join("\n");
    this.readSoon();
    this.remove(row);
    this.links.focus();
    this.links.setSelectionRange(this.links.value.length - row.link.length, this.links.value.length);
  }

  readSoon() {
    clearTimeout(this.reading);
    this.links.setCustomValidity("");
    this.reading = setTimeout(() => this.readLinks(), TYPING_MS);
    // Until they are read, each line counts as a link.
    this.typed = this.links.value.split("\n").map((line) => line.trim()).filter(Boolean);
    this.count();
  }

  /* Have the server find the links in the text, as it does for a form without script. */
  async readLinks() {
    clearTimeout(this.reading);
    const text = this.links.value;
    if (!text.trim()) return null;
    const { answer, error } = await this.post(READ_LINKS_URL, { text });
    if (answer && text === this.links.value) {
      this.typed = answer.links;
      this.count();
    }
    return error;
  }

  count() {
    const queued = this.rows.filter((row) => row.state === "queued");
    const fresh = queued.length + this.typed.length;
    const bytes = queued.reduce((sum, row) => sum + (row.file?.size ?? 0), 0);
    const card = this.root.querySelector("[data-batch]");
    card.hidden = !this.rows.length;
    card.querySelector("[data-batch-count]").textContent = plural("items", this.rows.length);
    this.root.querySelector('[data-sum="count"]').textContent = fresh;
    this.root.querySelector('[data-sum="size"]').textContent = size(bytes);
    const button = this.root.querySelector("[data-start]");
    button.textContent = fresh ? plural("start", fresh) : say("chooseFirst");
    button.setAttribute("aria-disabled", String(!fresh));
    this.summary(card.querySelector("[data-batch-sum]"));
  }

  summary(place) {
    const tally = { running: 0, done: 0, audio: 0, error: 0 };
    for (const { state } of this.rows) {
      if (state === "uploading" || ACTIVE.has(state)) tally.running += 1;
      else if (state === "error") tally.error += 1;
      else if (state === "needs_audio") tally.audio += 1;
      else if (["ready", "no_match", "seen"].includes(state)) tally.done += 1;
    }
    const parts = Object.entries(tally).filter(([, count]) => count).map(([word, count]) => {
      const part = document.createElement(word === "error" ? "strong" : "span");
      part.className = word === "error" ? "danger" : "muted";
      part.textContent = plural(`${word}Count`, count);
      return part;
    });
    if (this.note) {
      const part = document.createElement("span");
      part.className = "muted";
      part.textContent = this.note;
      parts.push(part);
    }
    place.replaceChildren(...parts);
  }

  details() {
    const value = (name) => this.root.elements[name]?.value ?? "";
    const listed = (name) => value(name).split(/[\n,;]+/).map((word) => word.trim()).filter(Boolean).join(",");
    const arrival = [...this.root.querySelectorAll("[data-arrival] [name]")];
    return {
      container: value("container"),
      programme: value("programme"),
      account: value("account"),
      published_at: value("published_at"),
      territories: listed("territories"),
      tags: listed("tags"),
      ...Object.fromEntries(arrival.map((field) => [field.name, field.value])),
    };
  }

  /* The address belongs to one file, so it is taken out of the form with that file. */
  takeAddress() {
    const field = this.root.elements.source_url;
    const files = this.rows.filter(({ file, state }) => file && state === "queued");
    if (!field.value) return true;
    field.setCustomValidity(files.length === 1 ? "" : say("oneAddress"));
    if (!field.reportValidity()) return false;
    files[0].address = field.value;
    field.value = "";
    return true;
  }

  start() {
    if (!this.takeAddress()) return;
    if (this.links.value.trim()) this.sendLinks();
    for (const row of this.rows.filter(({ link, state }) => link && state === "queued")) this.resend(row);
    this.pump();
  }

  pump() {
    while (this.running < PARALLEL) {
      const row = this.rows.find(({ file, state }) => file && state === "queued");
      if (!row) return;
      this.running += 1;
      row.upload().finally(() => {
        this.running -= 1;
        this.pump();
      });
    }
  }

  async sendLinks() {
    const error = await this.readLinks();
    if (error) {
      this.links.setCustomValidity(error.message);
      this.links.reportValidity();
      return;
    }
    const rows = this.typed.map((link) => new Row(this, { link }));
    this.links.value = "";
    this.typed = [];
    for (const row of rows) {
      this.place(row);
      row.show("uploading", say("sending"));
    }
    this.submit(rows);
  }

  resend(row) {
    row.show("uploading", say("sending"));
    this.submit([row]);
  }

  async submit(rows) {
    const links = rows.map((row) => row.link);
    const again = rows.every((row) => row.again);
    const { answer, error } = await this.post(LINKS_URL, { ...this.details(), links, scan_again: again });
    rows.forEach((row, index) => {
      const outcome = answer?.[index];
      if (outcome?.file) row.take(outcome.file);
      else row.fail(outcome ?? error);
    });
  }

  async post(url, data = {}) {
    const filled = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== ""));
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": this.token },
        body: JSON.stringify(filled),
      });
      if (response.status === 204) return { answer: null };
      const body = await response.json();
      return response.ok ? { answer: body } : { error: body };
    } catch {
      return { error: { message: say("brokeShort"), code: "offline" } };
    }
  }
}

/* Return all files of a dropped entry, including those in folders. */
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) paths.set(file, entry.fullPath.slice(1));
    return file ? [file] : [];
  }
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesOf))).flat();
}

/* Tell whether a file in a dropped folder is a picture, a text or a system's own. */
function liesBesideSound(path) {
  const { beginnings, names, endings } = JSON.parse(document.getElementById("beside-sound").textContent);
  const parts = path.toLowerCase().split("/");
  return parts.some((part) => beginnings.some((text) => part.startsWith(text)) || names.includes(part))
    || endings.some((text) => path.toLowerCase().endsWith(text));
}

if (form) new Batch(form);
