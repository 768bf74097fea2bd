/* Uploads and links: one row with progress and errors each, three transfers at a time. */

import { announce } from "./shell.js";

const PARALLEL = 3;
const POLL_MS = 1500;
const LINKS_URL = "/api/portal/v1/links/";
const ACTIVE = new Set(["waiting", "processing"]);
const ICONS = {
  queued: "clock", uploading: "upload", waiting: "clock", processing: "wave", ready: "check",
  no_match: "wave", needs_audio: "info", error: "triangle", cancelled: "ban", seen: "refresh",
};

const form = document.querySelector("[data-upload]");
const text = (value) => String(value ?? "");

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(undefined, { maximumFractionDigits: digits })} ${units[unit]}`;
}

const left = (seconds) => (seconds >= 90 ? `${Math.round(seconds / 60)} min left` : `${Math.max(1, Math.round(seconds))} s left`);

class Row {
  constructor(batch, { file = null, link = "" }) {
    this.batch = batch;
    this.file = file;
    this.link = link;
    this.name = file ? file.webkitRelativePath || file.name : link;
    this.state = "queued";
    this.again = false;
    this.element = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    this.part("name").textContent = this.name;
    this.part("size").textContent = file ? size(file.size) : "";
    this.part("cancel-name").textContent = `Remove ${this.name}`;
    this.part("progress").querySelector("progress").setAttribute("aria-label", this.name);
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("retry").addEventListener("click", () => this.retry());
    this.icon(file ? "wave" : "link");
    this.show("queued", "Not started");
    this.progress(0, "Starts when you press the button");
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

  say(words, code = "", request = "") {
    this.part("progress").hidden = true;
    const line = this.part("text");
    line.hidden = false;
    line.textContent = words;
    if (!code && !request) return;
    const detail = document.createElement("span");
    detail.className = "error-code";
    detail.textContent = ` ${[code, request && `req ${request}`].filter(Boolean).join(" · ")}`;
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
    this.icon("triangle");
    this.say(message, code, request);
    this.show("error", "Error");
    const retry = this.part("retry");
    retry.textContent = "Try again";
    retry.hidden = !canRetry;
    this.part("cancel").hidden = false;
  }

  retry() {
    this.part("retry").hidden = true;
    this.part("open").hidden = true;
    this.icon(this.file ? "wave" : "link");
    this.show("queued", "Not started");
    this.progress(0, "");
    this.batch.start();
  }

  cancel() {
    if (this.request) {
      this.request.abort();
      return;
    }
    if (this.uid && ACTIVE.has(this.state)) {
      if (window.confirm(`Cancel the scan of ${this.name}?`)) this.batch.post(`${this.batch.url}${this.uid}/cancel/`);
      return;
    }
    clearTimeout(this.timer);
    this.batch.remove(this);
  }

  upload() {
    const request = new XMLHttpRequest();
    const began = performance.now();
    this.request = request;
    this.show("uploading", "Uploading");
    this.progress(0, "");
    return new Promise((resolve) => {
      request.upload.addEventListener("progress", (event) => this.onProgress(event, began));
      request.addEventListener("load", () => this.onAnswer(request));
      request.addEventListener("error", () => this.onOffline());
      request.addEventListener("abort", () => this.onAbort());
      request.addEventListener("loadend", () => {
        this.request = null;
        resolve();
      });
      request.open("POST", this.batch.url);
      request.setRequestHeader("X-CSRFToken", this.batch.token);
      request.setRequestHeader("Accept", "application/json");
      request.send(this.batch.body(this));
    });
  }

  onProgress(event, began) {
    if (!event.lengthComputable) return;
    const seconds = (performance.now() - began) / 1000;
    const rate = event.loaded / Math.max(seconds, 0.001);
    const share = (100 * event.loaded) / event.total;
    const words = [`${size(event.loaded)} of ${size(event.total)}`];
    if (seconds > 1 && event.loaded < event.total) {
      words.push(`${size(rate)}/s`, left((event.total - event.loaded) / rate));
    }
    this.progress(share, event.loaded === event.total ? "Checking the file" : words.join(" · "));
  }

  onAnswer(request) {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      answer = { message: this.statusMessage(request.status), code: `http_${request.status}` };
    }
    if (request.status >= 400) {
      this.fail({ ...answer, message: text(answer.message) || this.statusMessage(request.status) });
    } else {
      this.take(answer);
    }
  }

  statusMessage(status) {
    if (status === 413) return `${this.name} is larger than the server takes. Nothing was stored; the other files go on.`;
    if (status === 403) return "You are signed out, or your role may not upload. Sign in and try again.";
    return `${this.name} was not stored: the server answered ${status}. Try again.`;
  }

  onOffline() {
    this.fail({ message: `The connection broke while ${this.name} was on its way. Nothing was stored; the other files go on.`, code: "offline" });
  }

  onAbort() {
    this.say("Stopped. Nothing was stored.");
    this.show("cancelled", "Cancelled");
    const retry = this.part("retry");
    retry.hidden = false;
    retry.textContent = "Upload again";
  }

  /* The upload is complete: show the state that the server reports. */
  take(data) {
    this.uid = data.uid;
    this.part("cancel-name").textContent = `Cancel ${this.name}`;
    if (data.duplicate_of) {
      this.seenBefore(data);
      return;
    }
    this.follow(data);
  }

  seenBefore(data) {
    const when = new Date(data.duplicate_of.scanned_at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
    this.icon("files");
    const what = this.link ? "This link was submitted" : "The same bytes came";
    this.say(`${what} on ${when} as ${data.duplicate_of.name}: ${this.outcome(data)}`);
    this.show("seen", "Seen before");
    this.open(data.duplicate_of.url, "Open result");
    const retry = this.part("retry");
    retry.hidden = false;
    retry.textContent = "Scan again";
    this.again = true;
  }

  outcome(data) {
    if (data.state === "no_match") return "no match.";
    if (data.match_count) return `${data.match_count} ${data.match_count === 1 ? "match" : "matches"}.`;
    return `${data.state_label.toLowerCase()}.`;
  }

  follow(data) {
    if (data.duration_ms && this.file) {
      const seconds = Math.floor(data.duration_ms / 1000);
      const length = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      this.part("size").textContent = `${length} · ${size(this.file.size)}`;
    }
    if (ACTIVE.has(data.state)) {
      this.show(data.state, data.state_label);
      const words = data.state === "waiting" ? "Waiting for a free worker" : `${data.progress} % · ${data.stage.toLowerCase()}`;
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
      this.say(data.message || `${this.name} could not be scanned. The other files go on.`, data.code);
      this.show("error", data.state_label);
      this.open(data.url, "See why");
      return;
    }
    this.show(data.state, data.state === "ready" && data.match_count ? this.outcome(data).slice(0, -1) : data.state_label);
    this.say(data.message || (data.state === "ready" ? "The scan is done." : this.outcome(data)));
    this.open(data.url, data.state === "no_match" ? "See why" : "Open");
  }

  async poll() {
    try {
      const answer = await fetch(`${this.batch.url}${this.uid}/`, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        this.follow(await answer.json());
        return;
      }
      if (answer.status === 403 || answer.status === 404) {
        this.fail({ message: "Its state cannot be read any more: you are signed out, or the file was deleted." }, false);
        return;
      }
    } catch {
      this.part("progress-text").textContent = "No connection. The scan goes on; this row catches up by itself.";
    }
    this.timer = setTimeout(() => this.poll(), POLL_MS * 4);
  }
}

class Batch {
  constructor(root) {
    this.root = root;
    this.rows = [];
    this.running = 0;
    this.url = root.dataset.uploadUrl;
    this.icons = root.dataset.icons;
    this.token = document.querySelector("meta[name=csrf-token]").content;
    this.maxBytes = Number(root.dataset.maxBytes);
    this.maxFiles = Number(root.dataset.maxFiles);
    this.input = root.querySelector("#id_files");
    this.links = root.querySelector("#id_links");
    this.zone = root.querySelector("[data-dropzone]");
    this.list = root.querySelector("[data-batch-list]");
    this.listen();
    this.count();
  }

  listen() {
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    this.links.addEventListener("input", () => this.count());
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
      if (this.rows.some((row) => row.request)) event.preventDefault();
    });
  }

  onPaste(event) {
    if (event.clipboardData.files.length) {
      this.add([...event.clipboardData.files]);
      return;
    }
    const pasted = event.clipboardData.getData("text");
    if (event.target === this.links || !/^https?:\/\//m.test(pasted)) return;
    if (/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    this.links.value = [this.links.value.trim(), pasted.trim()].filter(Boolean).join("\n");
    this.count();
  }

  async onDrop(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) {
      this.add([...transfer.files]);
      return;
    }
    const found = await Promise.all(entries.map(filesOf));
    this.add(found.flat());
  }

  add(files) {
    const room = this.maxFiles - this.rows.filter((row) => row.state === "queued").length;
    for (const file of files.slice(0, room)) {
      const row = new Row(this, { file });
      this.place(row);
      if (!file.size) {
        row.fail({ message: `${row.name} is empty: 0 bytes. It is left out; the other files go on.`, code: "empty" }, false);
      } else if (file.size > this.maxBytes) {
        row.fail({ message: `${row.name} has ${size(file.size)}; up to ${size(this.maxBytes)} are taken. It is left out; the other files go on.`, code: "too_large" }, false);
      }
    }
    if (files.length > room) announce(`${files.length - room} files are left out: ${this.maxFiles} go in one batch.`);
    this.note = files.length > room ? `${files.length - room} left out, ${this.maxFiles} at once` : "";
    this.count();
  }

  place(row) {
    this.rows.push(row);
    this.list.append(row.element);
    this.count();
  }

  remove(row) {
    const next = row.element.nextElementSibling?.querySelector("button:not([hidden])");
    this.rows = this.rows.filter((one) => one !== row);
    row.element.remove();
    (next ?? this.input).focus();
    this.count();
  }

  typedLinks() {
    return this.links.value.split("\n").flatMap(linksOf);
  }

  count() {
    const queued = this.rows.filter((row) => row.state === "queued");
    const links = this.typedLinks();
    const fresh = queued.length + links.length;
    const bytes = queued.reduce((sum, row) => sum + (row.file?.size ?? 0), 0);
    const card = this.root.querySelector("[data-batch]");
    card.hidden = !this.rows.length;
    card.querySelector("[data-batch-count]").textContent = `${this.rows.length} ${this.rows.length === 1 ? "item" : "items"}`;
    this.root.querySelector('[data-sum="count"]').textContent = fresh;
    this.root.querySelector('[data-sum="size"]').textContent = size(bytes);
    const button = this.root.querySelector("[data-start]");
    button.textContent = fresh ? `Start ${fresh} ${fresh === 1 ? "scan" : "scans"}` : "Choose files or links first";
    button.setAttribute("aria-disabled", String(!fresh));
    this.summary(card.querySelector("[data-batch-sum]"));
  }

  summary(place) {
    const tally = { running: 0, done: 0, "needs audio": 0, error: 0 };
    for (const { state } of this.rows) {
      if (state === "uploading" || ACTIVE.has(state)) tally.running += 1;
      else if (state === "error") tally.error += 1;
      else if (state === "needs_audio") tally["needs audio"] += 1;
      else if (["ready", "no_match", "seen"].includes(state)) tally.done += 1;
    }
    const parts = Object.entries(tally).filter(([, count]) => count).map(([word, count]) => {
      const part = document.createElement(word === "error" ? "strong" : "span");
      part.className = word === "error" ? "danger" : "muted";
      part.textContent = `${count} ${word === "error" && count > 1 ? "errors" : word}`;
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
    return {
      container: value("container"),
      programme: value("programme"),
      account: value("account"),
      published_at: value("published_at"),
    };
  }

  body(row) {
    const data = new FormData();
    for (const [name, value] of Object.entries(this.details())) {
      if (value) data.append(name, value);
    }
    if (row.again) data.append("scan_again", "true");
    data.append("file", row.file, row.file.name);
    return data;
  }

  start() {
    if (this.typedLinks().length) this.sendLinks();
    for (const row of this.rows.filter((one) => one.link && one.state === "queued")) this.resend(row);
    this.pump();
  }

  pump() {
    while (this.running < PARALLEL) {
      const row = this.rows.find((one) => one.file && one.state === "queued");
      if (!row) return;
      this.running += 1;
      row.upload().finally(() => {
        this.running -= 1;
        this.pump();
      });
    }
  }

  sendLinks() {
    const rows = this.typedLinks().map((link) => new Row(this, { link }));
    this.links.value = "";
    for (const row of rows) {
      this.place(row);
      row.show("uploading", "Sending");
    }
    this.submit(rows);
  }

  resend(row) {
    row.show("uploading", "Sending");
    this.submit([row]);
  }

  async submit(rows) {
    const links = rows.map((row) => row.link);
    const again = rows.every((row) => row.again);
    const answer = await this.post(LINKS_URL, { ...this.details(), links, scan_again: again });
    rows.forEach((row, index) => {
      const outcome = answer.list?.[index];
      if (outcome?.file) row.take(outcome.file);
      else row.fail(outcome ?? answer.error);
    });
  }

  async post(url, data = {}) {
    const filled = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== ""));
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": this.token },
        body: JSON.stringify(filled),
      });
      const body = await answer.json();
      return answer.ok ? { list: body } : { error: body };
    } catch {
      return { error: { message: "The connection broke. Nothing was stored; try again.", code: "offline" } };
    }
  }
}

/* Return every link of a line, or the whole line if it has none, to show one error. */
function linksOf(line) {
  const found = line.match(/\w+:\/\/[^\s<>"'`]+/g) ?? [];
  const links = found.map((link) => link.replace(/[.,;:!?)\]}»”’]+$/u, "")).filter(Boolean);
  return links.length ? links : [line.trim()].filter(Boolean);
}

/* Return all files of a dropped entry, including those in folders. */
async function filesOf(entry) {
  if (entry.isFile) {
    return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break;
    found.push(...some);
  }
  const files = await Promise.all(found.map(filesOf));
  return files.flat().filter((file) => !file.name.startsWith("."));
}

if (form) new Batch(form);
