// Reads .acrfp files, written from docs/fingerprint-format.md alone, and prints each as one
// line of JSON. It shares no code with the engine: what both read alike is what the page says.
"use strict";
const fs = require("node:fs");
const zlib = require("node:zlib");

const MAGIC = Buffer.from([0x93, 0x41, 0x43, 0x52, 0x46, 0x50, 0x0d, 0x0a]);
const HEADER_BYTES = 36;
const ENTRY_BYTES = 16;
const CHECKSUM_BYTES = 4;
const MOST_FILE_BYTES = 2 ** 30;
const MOST_DURATION_MS = 172800000;
const FRAME_MS = 16;
const FRAMES_BEYOND = 64;
const HALF_SECOND = 32;
const MOST = {
  1: { frame: 23, halfSecond: 70, second: 70 },
  2: { frame: 57, halfSecond: 240, second: 240 },
};
const MOST_RATIO = 1032;

function need(condition, problem) {
  if (!condition) throw new Error(problem);
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function readEntry(file, at) {
  const kind = file[at];
  return {
    kind,
    phases: kind !== 3 && file.readUInt16LE(8) === 2 && file[at + 1] === 1 ? 1 : 0,
    framesPerCell: file[at + 1],
    binsPerCell: file[at + 2],
    cells: file[at + 3],
    count: file.readUInt32LE(at + 4),
    size: file.readUInt32LE(at + 8),
    stored: file.readUInt32LE(at + 12),
  };
}

// Everything lies before this frame.
function framesOf(durationMs) {
  return Math.floor(durationMs / FRAME_MS) + FRAMES_BEYOND;
}

function checkEntry(entry, durationMs) {
  const frames = framesOf(durationMs);
  const seconds = (frames * FRAME_MS) / 1000;
  need(entry.size <= MOST_RATIO * entry.stored, "impossible size");
  if (entry.kind === 3) {
    need(entry.cells > 0 && entry.framesPerCell > 0 && entry.binsPerCell > 0, "empty cells");
    need(entry.size === entry.count * entry.cells, "impossible size of the level map");
    need(entry.count * entry.framesPerCell <= frames, "too many rows");
    need(entry.size <= 2000 * seconds, "too many cells");
  } else {
    const [least, most] = [5 + entry.phases, 9 + entry.phases];
    need(entry.size >= least * entry.count, "impossible size");
    need(entry.size <= most * entry.count, "impossible size");
    need(entry.count <= MOST[entry.kind].second * seconds, "too many landmarks");
  }
}

function inflate(stored, size) {
  const data = zlib.inflateSync(stored, { maxOutputLength: Math.max(1, size) });
  need(data.length === size, "a layer has the wrong size");
  return data;
}

// Differences of frames, each 1 to 5 bytes: seven bits a byte, lowest first.
function readFrames(plane, { count, kind }, durationMs) {
  const frames = [];
  let frame = 0;
  let at = 0;
  for (let number = 0; number < count; number += 1) {
    let value = 0;
    let length = 0;
    let byte;
    do {
      need(at < plane.length && length < 5, "bad LEB128 number");
      byte = plane[at];
      value += (byte & 0x7f) * 2 ** (7 * length);
      at += 1;
      length += 1;
    } while (byte & 0x80);
    frame += value;
    need(frame < framesOf(durationMs), "a frame is out of range");
    frames.push(frame);
  }
  for (const [span, most] of [
    [1, MOST[kind].frame],
    [HALF_SECOND, MOST[kind].halfSecond],
  ]) {
    for (let number = most; number < count; number += 1) {
      need(frames[number] - frames[number - most] >= span, "too many landmarks at one time");
    }
  }
  need(at === plane.length, "bytes after the last frame");
  return frames;
}

function readLandmarks(data, entry, durationMs) {
  const { count } = entry;
  const planes = data.length - (4 + entry.phases) * count;
  const value = (plane, number) => data[planes + plane * count + number];
  const frames = readFrames(data.subarray(0, planes), entry, durationMs);
  const landmarks = { frames, bins: [], levels: [], phases: entry.phases ? [] : null };
  for (let number = 0; number < count; number += 1) {
    need(value(1, number) < 32 && value(3, number) < 16, "a fraction is out of range");
    landmarks.bins.push(value(0, number) + value(1, number) / 32);
    landmarks.levels.push(value(2, number) + value(3, number) / 16 - 32);
    if (entry.phases) landmarks.phases.push(value(4, number));
  }
  return landmarks;
}

function readLevelMap(data, entry) {
  const { count: rows, cells } = entry;
  const values = Buffer.alloc(data.length);
  const known = (row, cell) => (row < 0 || cell < 0 ? 0 : values[row * cells + cell]);
  for (let row = 0; row < rows; row += 1) {
    for (let cell = 0; cell < cells; cell += 1) {
      const a = known(row, cell - 1);
      const b = known(row - 1, cell);
      const d = known(row - 1, cell - 1);
      const guess = Math.min(Math.max(a + b - d, Math.min(a, b)), Math.max(a, b));
      values[row * cells + cell] = (data[row * cells + cell] + guess) % 256;
    }
  }
  const { framesPerCell, binsPerCell } = entry;
  return { rows, cells, framesPerCell, binsPerCell, values: Array.from(values) };
}

function read(file) {
  need(file.length <= MOST_FILE_BYTES, "larger than 1 GiB");
  need(file.length >= HEADER_BYTES + CHECKSUM_BYTES, "truncated");
  need(file.subarray(0, 8).equals(MAGIC), "another magic");
  need([1, 2].includes(file.readUInt16LE(8)), "another version");
  const end = file.length - CHECKSUM_BYTES;
  need(crc32(file.subarray(0, end)) === file.readUInt32LE(end), "wrong checksum");
  const layers = file.readUInt16LE(10);
  const durationMs = Number(file.readBigUInt64LE(12));
  need(layers <= 3 && durationMs <= MOST_DURATION_MS, "impossible header");
  let at = HEADER_BYTES + ENTRY_BYTES * layers;
  need(at <= end, "impossible number of layers");
  const hash = file.subarray(20, 36);
  need(hash.every((byte) => byte < 128), "the parameter hash is not ASCII");
  const paramsHash = hash.toString("latin1").replace(/\0+$/, "");
  const made = { durationMs, paramsHash, reference: null, dense: null, levelMap: null };
  const names = { 1: "reference", 2: "dense", 3: "levelMap" };
  for (let number = 0; number < layers; number += 1) {
    const entry = readEntry(file, HEADER_BYTES + ENTRY_BYTES * number);
    need(entry.kind in names && made[names[entry.kind]] === null, "an unknown layer");
    checkEntry(entry, durationMs);
    need(at + entry.stored <= end, "sizes do not add up");
    const data = inflate(file.subarray(at, at + entry.stored), entry.size);
    made[names[entry.kind]] =
      entry.kind === 3 ? readLevelMap(data, entry) : readLandmarks(data, entry, durationMs);
    at += entry.stored;
  }
  need(at === end, "sizes do not add up");
  return made;
}

for (const path of process.argv.slice(2)) {
  let line;
  try {
    line = read(fs.readFileSync(path));
  } catch (error) {
    line = { error: error.message };
  }
  console.log(JSON.stringify(line));
}
