"""Read and write ``.acrfp`` files, the stored form of a fingerprint, and check its layers.

docs/fingerprint-format.md describes every byte. Reading trusts nothing: each count is
checked against what the file can hold before anything is allocated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import durable, leb128, med
from recognition.errors import BadFingerprint, MissingLayer, ParamsMismatch
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, LevelMap

MAGIC: Final = b"\x93ACRFP\r\n"
VERSION: Final = 1
BIN_STEPS: Final = 32
LEVEL_STEPS: Final = 16
LEVEL_OFFSET: Final = 32

REFERENCE: Final = 1
DENSE: Final = 2
LEVEL_MAP: Final = 3

MAX_FILE_BYTES: Final = 1 << 30
MAX_DURATION_MS: Final = 48 * 3600 * 1000
# Above what any engine produces; with the duration they bound what reading allocates.
MAX_LANDMARKS_PER_S: Final = 200
MAX_CELLS_PER_S: Final = 2000
SLACK_S: Final = 10
# Deflate cannot compress further than this.
MAX_RATIO: Final = 1032

# A landmark takes 1–5 bytes of frame difference and four of bin and level.
MIN_LANDMARK_BYTES: Final = 5
MAX_LANDMARK_BYTES: Final = leb128.MAX_LENGTH + 4

HEAD: Final = struct.Struct("<8sHHQ16s")
LAYER: Final = struct.Struct("<BBBBIII")
CHECKSUM: Final = struct.Struct("<I")

VENDOR_SUFFIXES: Final = (".lo", ".fp")
HOW_TO: Final = "acrfp make FILE"


@dataclass(frozen=True, slots=True)
class _Layer:
    """The header of one layer, in the order in which it is stored."""

    kind: int
    frames_per_cell: int
    bins_per_cell: int
    columns: int
    count: int
    raw_bytes: int
    stored_bytes: int


def to_bytes(fingerprint: Fingerprint) -> bytes:
    """Return the file content. Bins are rounded to 1/32, levels to 1/16 neper."""
    params = fingerprint.params_hash.encode("ascii")
    if len(params) > 16:
        raise ValueError("a parameter hash has at most 16 characters")
    parts = list(_parts(fingerprint))
    head = HEAD.pack(MAGIC, VERSION, len(parts), fingerprint.duration_ms, params)
    layers = b"".join(LAYER.pack(*astuple(layer)) for layer, _ in parts)
    pieces = [head, layers, *(data for _, data in parts)]
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return b"".join([*pieces, CHECKSUM.pack(checksum)])


def from_bytes(data: bytes) -> Fingerprint:
    """Parse a file's content; ``BadFingerprint`` says what is wrong."""
    duration_ms, params, layers = _read_heads(data)
    view = memoryview(data)
    at = HEAD.size + LAYER.size * len(layers)
    landmarks: dict[int, Landmarks] = {}
    level_map = None
    for layer in layers:
        raw = _inflate(view[at : at + layer.stored_bytes], layer.raw_bytes)
        at += layer.stored_bytes
        if layer.kind == LEVEL_MAP:
            level_map = LevelMap(
                levels=med.decode(raw.reshape(layer.count, layer.columns)),
                frames_per_cell=layer.frames_per_cell,
                bins_per_cell=layer.bins_per_cell,
            )
        else:
            landmarks[layer.kind] = _landmarks_from(raw, layer.count)
    return Fingerprint(
        duration_ms=duration_ms,
        params_hash=params,
        reference=landmarks.get(REFERENCE),
        dense=landmarks.get(DENSE),
        level_map=level_map,
    )


def save(path: Path, fingerprint: Fingerprint) -> None:
    """Write a file atomically and durably."""
    durable.write(path, to_bytes(fingerprint))


def load(path: Path) -> Fingerprint:
    """Read a file; ``BadFingerprint`` says what is wrong."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise BadFingerprint("The fingerprint file is larger than 1 GiB.")
    if not data.startswith(MAGIC) and path.name.lower().endswith(VENDOR_SUFFIXES):
        raise BadFingerprint(
            f"{path.name} is another vendor's fingerprint, in a proprietary format. "
            f"Make one from the audio with: {HOW_TO}"
        )
    return from_bytes(data)


def is_fingerprint(path: Path) -> bool:
    """Return whether ``load`` should read a file: ours, or another vendor's.

    For vendor files, ``load`` raises an error that explains what to do.
    """
    if path.name.lower().endswith(VENDOR_SUFFIXES):
        return True
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _parts(fingerprint: Fingerprint) -> Iterator[tuple[_Layer, bytes]]:
    for kind, landmarks in (
        (REFERENCE, fingerprint.reference),
        (DENSE, fingerprint.dense),
    ):
        if landmarks is not None:
            stored, raw = _deflate(_landmark_planes(landmarks))
            count = len(landmarks.frames)
            yield _Layer(kind, 0, 0, 0, count, raw, len(stored)), stored
    level_map = fingerprint.level_map
    if level_map is not None:
        stored, raw = _deflate(med.encode(level_map.levels))
        rows, columns = level_map.levels.shape
        layer = _Layer(
            LEVEL_MAP,
            level_map.frames_per_cell,
            level_map.bins_per_cell,
            columns,
            rows,
            raw,
            len(stored),
        )
        yield layer, stored


def _landmark_planes(landmarks: Landmarks) -> Iterator[NDArray[np.uint8]]:
    """Yield one plane after the other; for ten hours all together would take 60 MB."""
    frames = landmarks.frames
    if len(frames) and (frames[0] < 0 or (np.diff(frames) < 0).any()):
        raise ValueError("landmarks must be ordered by frame")
    yield leb128.encode(np.diff(frames, prepend=np.int32(0)).view(np.uint32))
    for values, per_unit, offset in (
        (landmarks.bins, BIN_STEPS, 0),
        (landmarks.levels, LEVEL_STEPS, LEVEL_OFFSET),
    ):
        steps = _steps(values, per_unit, offset)
        yield (steps // per_unit).astype(np.uint8)
        yield (steps % per_unit).astype(np.uint8)


def _steps(
    values: NDArray[np.float32], per_unit: int, offset: int
) -> NDArray[np.uint16]:
    steps = values + np.float32(offset)
    steps *= np.float32(per_unit)
    np.rint(steps, out=steps)
    np.clip(steps, 0, 256 * per_unit - 1, out=steps)
    return steps.astype(np.uint16)


def _deflate(planes: Iterable[NDArray[np.uint8]]) -> tuple[bytes, int]:
    """Return a zlib stream and its uncompressed size.

    Uses Huffman codes alone, which is fast and no larger here. Each plane starts a new
    block and so gets its own code.
    """
    deflater = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_HUFFMAN_ONLY)
    parts = []
    size = 0
    for plane in planes:
        size += plane.size
        parts += [deflater.compress(plane.data), deflater.flush(zlib.Z_BLOCK)]
    return b"".join([*parts, deflater.flush()]), size


def _read_heads(data: bytes) -> tuple[int, str, list[_Layer]]:
    """Return duration, parameter hash and layers, after checking the whole file."""
    if not data.startswith(MAGIC):
        raise BadFingerprint(
            f"This is not an .acrfp fingerprint. Make one from the audio with: {HOW_TO}"
        )
    if len(data) < HEAD.size + CHECKSUM.size:
        raise BadFingerprint("The fingerprint is truncated.")
    _, version, count, duration_ms, params = HEAD.unpack_from(data)
    if version != VERSION:
        raise BadFingerprint(
            f"The fingerprint has format version {version}; this engine reads "
            f"{VERSION}. Make it again with: {HOW_TO}"
        )
    if CHECKSUM.unpack_from(data, len(data) - CHECKSUM.size)[0] != zlib.crc32(
        memoryview(data)[: -CHECKSUM.size]
    ):
        raise BadFingerprint("The fingerprint is damaged: its checksum is wrong.")
    if duration_ms > MAX_DURATION_MS:
        raise BadFingerprint("The fingerprint covers more than 48 h of sound.")
    layers = _read_layers(data, count)
    if not all(_plausible(layer, duration_ms) for layer in layers):
        raise BadFingerprint("The fingerprint is damaged: impossible layer size.")
    try:
        text = params.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise BadFingerprint("The fingerprint is damaged: bad parameters.") from None
    return duration_ms, text, layers


def _read_layers(data: bytes, count: int) -> list[_Layer]:
    room = len(data) - HEAD.size - CHECKSUM.size - LAYER.size * count
    if room < 0:
        raise BadFingerprint("The fingerprint is damaged: impossible layer count.")
    at = range(HEAD.size, HEAD.size + LAYER.size * count, LAYER.size)
    layers = [_Layer(*LAYER.unpack_from(data, offset)) for offset in at]
    if sum(layer.stored_bytes for layer in layers) != room:
        raise BadFingerprint("The fingerprint is damaged: layers do not add up.")
    kinds = [layer.kind for layer in layers]
    if len(set(kinds)) != len(kinds) or not set(kinds) <= {REFERENCE, DENSE, LEVEL_MAP}:
        raise BadFingerprint("The fingerprint is damaged: unknown layers.")
    return layers


def _plausible(layer: _Layer, duration_ms: int) -> bool:
    if layer.raw_bytes > MAX_RATIO * layer.stored_bytes:
        return False
    seconds = duration_ms / 1000 + SLACK_S
    if layer.kind == LEVEL_MAP:
        shaped = min(layer.frames_per_cell, layer.bins_per_cell, layer.columns) > 0
        fits = layer.raw_bytes == layer.count * layer.columns
        return shaped and fits and layer.raw_bytes <= MAX_CELLS_PER_S * seconds
    least, most = MIN_LANDMARK_BYTES * layer.count, MAX_LANDMARK_BYTES * layer.count
    dense = layer.count > MAX_LANDMARKS_PER_S * seconds
    return least <= layer.raw_bytes <= most and not dense


def _inflate(stored: memoryview, size: int) -> NDArray[np.uint8]:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(stored, size + 1)
    except zlib.error as error:
        raise BadFingerprint(f"The fingerprint is damaged: {error}.") from error
    if len(raw) != size or not inflater.eof:
        raise BadFingerprint("The fingerprint is damaged: a layer has the wrong size.")
    return np.frombuffer(raw, dtype=np.uint8)


def _landmarks_from(raw: NDArray[np.uint8], count: int) -> Landmarks:
    steps_end = len(raw) - 4 * count
    planes = raw[steps_end:].reshape(4, count)
    try:
        steps = leb128.decode(raw[:steps_end], count)
    except ValueError as error:
        raise BadFingerprint(f"The fingerprint is damaged: {error}.") from error
    if steps.sum(dtype=np.int64) > np.iinfo(np.int32).max:
        raise BadFingerprint("The fingerprint is damaged: a frame is out of range.")
    if (planes[1] >= BIN_STEPS).any() or (planes[3] >= LEVEL_STEPS).any():
        raise BadFingerprint("The fingerprint is damaged: a value is out of range.")
    bins = planes[0] + planes[1] / np.float32(BIN_STEPS)
    levels = planes[2] + planes[3] / np.float32(LEVEL_STEPS) - np.float32(LEVEL_OFFSET)
    return Landmarks(
        frames=np.cumsum(steps, dtype=np.int32),
        bins=bins.astype(np.float32, copy=False),
        levels=levels.astype(np.float32, copy=False),
    )


def scan_layer(
    fingerprint: Fingerprint, params: Params = DEFAULT
) -> tuple[Landmarks, LevelMap]:
    """Return the layers a file is scanned by, or raise if missing or incompatible."""
    if fingerprint.dense is None or fingerprint.level_map is None:
        raise MissingLayer("scan")
    check_params(fingerprint, params)
    return fingerprint.dense, fingerprint.level_map


def reference_layer(fingerprint: Fingerprint, params: Params = DEFAULT) -> Landmarks:
    """Return the layer a recording is indexed by, or raise if missing or incompatible."""
    if fingerprint.reference is None:
        raise MissingLayer("reference")
    check_params(fingerprint, params)
    return fingerprint.reference


def check_params(fingerprint: Fingerprint, params: Params) -> None:
    """Raise ``ParamsMismatch`` if the fingerprint was made with other parameters."""
    expected = params.shape_hash()
    if fingerprint.params_hash != expected:
        raise ParamsMismatch(
            "The fingerprint", found=fingerprint.params_hash, expected=expected
        )
