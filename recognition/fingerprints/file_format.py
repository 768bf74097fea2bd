"""Read and write ``.acrfp`` files, the stored form of a fingerprint, and check its layers.

docs/fingerprint-format.md describes every byte. Reading trusts nothing: each count is
checked against what the file can hold before anything is allocated, and what was read
against what sound can hold, because the cost of a search follows from it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import durable
from recognition.errors import BadFingerprint, MissingLayer, ParamsMismatch
from recognition.fingerprints import leb128, med
from recognition.limits import DecodeLimits, check_duration
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, LevelMap

MAGIC: Final = b"\x93ACRFP\r\n"
VERSION: Final = 2
"""Version 1 has no phases; a fingerprint without any is written as version 1."""
BIN_STEPS: Final = 32
LEVEL_STEPS: Final = 16
LEVEL_OFFSET: Final = 32

REFERENCE: Final = 1
DENSE: Final = 2
LEVEL_MAP: Final = 3
KINDS: Final = frozenset({REFERENCE, DENSE, LEVEL_MAP})

MAX_FILE_BYTES: Final = 1 << 30
MAX_DURATION_MS: Final = 48 * 3600 * 1000
FRAME_MS: Final = 16
# Landmarks and rows may lie this far beyond the duration, which is rounded.
SLACK_FRAMES: Final = 64
MAX_CELLS_PER_S: Final = 2000
# What sound can give: a landmark is the maximum of its neighbourhood, so a frame has few
# (``LandmarkExtractor``), and of those within half a second ``_DensityLimit`` keeps 35
# or 120. Twice as many may lie where the pieces of a stream's hour meet.
MAX_IN_FRAME: Final = {REFERENCE: 23, DENSE: 57}
MAX_IN_HALF_SECOND: Final = {REFERENCE: 70, DENSE: 240}
MAX_PER_S: Final = MAX_IN_HALF_SECOND
HALF_SECOND: Final = 32  # frames
# Deflate cannot compress further than this.
MAX_RATIO: Final = 1032

# A landmark takes 1–5 bytes of frame difference, four of bin and level, and one of phase
# where the layer has phases.
MIN_LANDMARK_BYTES: Final = 5
MAX_LANDMARK_BYTES: Final = leb128.MAX_LENGTH + 4

HEAD: Final = struct.Struct("<8sHHQ16s")
LAYER: Final = struct.Struct("<BBBBIII")
CHECKSUM: Final = struct.Struct("<I")

VENDOR_SUFFIXES: Final = (".lo", ".fp")
HOW_TO: Final = "acrfp make FILE"


@dataclass(frozen=True, slots=True)
class _Layer:
    """The header of one layer, in the order in which it is stored.

    Of landmarks, ``frames_per_cell`` is 1 if they have phases.
    """

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
    version = VERSION if any(_has_phases(layer) for layer, _ in parts) else 1
    head = HEAD.pack(MAGIC, version, len(parts), fingerprint.duration_ms, params)
    layers = b"".join(LAYER.pack(*astuple(layer)) for layer, _ in parts)
    pieces = [head, layers, *(data for _, data in parts)]
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return b"".join([*pieces, CHECKSUM.pack(checksum)])


def for_others(fingerprint: Fingerprint) -> Fingerprint:
    """Return the fingerprint without phases, of which others could make rough sound."""
    reference, dense = (
        layer and replace(layer, phases=None)
        for layer in (fingerprint.reference, fingerprint.dense)
    )
    return replace(fingerprint, reference=reference, dense=dense)


def from_bytes(
    data: bytes, *, kinds: Collection[int] = KINDS, limits: DecodeLimits | None = None
) -> Fingerprint:
    """Parse the layers ``kinds`` of a file; ``BadFingerprint`` says what is wrong.

    Raises ``TooShort`` or ``TooLong`` if the duration is not within ``limits``.
    """
    duration_ms, params, layers = _read_heads(data)
    if limits is not None:
        check_duration(duration_ms, limits)
    view = memoryview(data)
    at = HEAD.size + LAYER.size * len(layers)
    landmarks: dict[int, Landmarks] = {}
    level_map = None
    for layer in layers:
        planes = _Inflater(view[at : at + layer.stored_bytes])
        at += layer.stored_bytes
        if layer.kind not in kinds:
            continue
        if layer.kind == LEVEL_MAP:
            cells = planes.take(layer.raw_bytes)
            level_map = LevelMap(
                levels=med.decode(cells.reshape(layer.count, layer.columns)),
                frames_per_cell=layer.frames_per_cell,
                bins_per_cell=layer.bins_per_cell,
            )
        else:
            landmarks[layer.kind] = _landmarks_from(planes, layer, duration_ms)
        planes.end()
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
    for kind, landmarks in ((REFERENCE, fingerprint.reference), (DENSE, fingerprint.dense)):
        if landmarks is not None:
            stored, raw = _deflate(_landmark_planes(landmarks))
            count, phases = len(landmarks.frames), int(landmarks.phases is not None)
            yield _Layer(kind, phases, 0, 0, count, raw, len(stored)), stored
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
    if landmarks.phases is not None:
        yield landmarks.phases


def _has_phases(layer: _Layer) -> bool:
    return layer.kind != LEVEL_MAP and layer.frames_per_cell == 1


def _steps(values: NDArray[np.float32], per_unit: int, offset: int) -> NDArray[np.uint16]:
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
    if not 1 <= version <= VERSION:
        raise BadFingerprint(
            f"The fingerprint has format version {version}; this engine reads "
            f"1 to {VERSION}. Make it again with: {HOW_TO}"
        )
    if CHECKSUM.unpack_from(data, len(data) - CHECKSUM.size)[0] != zlib.crc32(
        memoryview(data)[: -CHECKSUM.size]
    ):
        raise BadFingerprint("The fingerprint is damaged: its checksum is wrong.")
    if duration_ms > MAX_DURATION_MS:
        raise BadFingerprint("The fingerprint covers more than 48 h of sound.")
    layers = _read_layers(data, count)
    if version == 1:  # which lets these bytes be anything
        layers = [_without_phases(layer) for layer in layers]
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
    if len(set(kinds)) != len(kinds) or not set(kinds) <= KINDS:
        raise BadFingerprint("The fingerprint is damaged: unknown layers.")
    return layers


def _without_phases(layer: _Layer) -> _Layer:
    return layer if layer.kind == LEVEL_MAP else replace(layer, frames_per_cell=0)


def _plausible(layer: _Layer, duration_ms: int) -> bool:
    if layer.raw_bytes > MAX_RATIO * layer.stored_bytes:
        return False
    frames = _frames_of(duration_ms)
    seconds = frames * FRAME_MS / 1000
    if layer.kind == LEVEL_MAP:
        shaped = min(layer.frames_per_cell, layer.bins_per_cell, layer.columns) > 0
        fits = layer.raw_bytes == layer.count * layer.columns
        short = layer.count * layer.frames_per_cell <= frames
        return shaped and fits and short and layer.raw_bytes <= MAX_CELLS_PER_S * seconds
    phases = layer.count * _has_phases(layer)
    least = MIN_LANDMARK_BYTES * layer.count + phases
    most = MAX_LANDMARK_BYTES * layer.count + phases
    dense = layer.count > MAX_PER_S[layer.kind] * seconds
    return least <= layer.raw_bytes <= most and not dense


def _frames_of(duration_ms: int) -> int:
    """Return the frame before which everything in a fingerprint lies."""
    return duration_ms // FRAME_MS + SLACK_FRAMES


class _Inflater:
    """Unpacks a layer, never more at a time than is asked for."""

    def __init__(self, stored: memoryview) -> None:
        self._inflater = zlib.decompressobj()
        self._rest: bytes | memoryview = stored

    def take(self, size: int) -> NDArray[np.uint8]:
        """Return the next ``size`` bytes."""
        raw = self._inflate(size) if size else b""
        if len(raw) != size:
            raise BadFingerprint("The fingerprint is damaged: a layer has the wrong size.")
        return np.frombuffer(raw, dtype=np.uint8)

    def end(self) -> None:
        """Raise ``BadFingerprint`` unless the layer ends here."""
        if self._inflate(1) or not self._inflater.eof:
            raise BadFingerprint("The fingerprint is damaged: a layer has the wrong size.")

    def _inflate(self, most: int) -> bytes:
        try:
            raw = self._inflater.decompress(self._rest, most)
        except zlib.error as error:
            raise BadFingerprint(f"The fingerprint is damaged: {error}.") from error
        self._rest = self._inflater.unconsumed_tail
        return raw


def _landmarks_from(planes: _Inflater, layer: _Layer, duration_ms: int) -> Landmarks:
    count = layer.count
    has_phases = _has_phases(layer)
    frame_bytes = layer.raw_bytes - (4 + has_phases) * count
    frames = _frames_from(planes.take(frame_bytes), layer, duration_ms)
    whole, part, nepers, level_part = (planes.take(count) for _ in range(4))
    if (part >= BIN_STEPS).any() or (level_part >= LEVEL_STEPS).any():
        raise BadFingerprint("The fingerprint is damaged: a value is out of range.")
    bins = whole + part / np.float32(BIN_STEPS)
    levels = nepers + level_part / np.float32(LEVEL_STEPS) - np.float32(LEVEL_OFFSET)
    return Landmarks(
        frames=frames,
        bins=bins.astype(np.float32, copy=False),
        levels=levels.astype(np.float32, copy=False),
        # A copy may be written like all other arrays: Numba compiles once for all.
        phases=planes.take(count).copy() if has_phases else None,
    )


def _frames_from(plane: NDArray[np.uint8], layer: _Layer, duration_ms: int) -> NDArray[np.int32]:
    """Return the frames of a plane, once they lie as sound lets them lie."""
    try:
        steps = leb128.decode(plane, layer.count)
    except ValueError as error:
        raise BadFingerprint(f"The fingerprint is damaged: {error}.") from error
    if steps.sum(dtype=np.int64) >= _frames_of(duration_ms):
        raise BadFingerprint("The fingerprint is damaged: it is longer than it says.")
    frames = np.cumsum(steps, dtype=np.int32)
    if _is_denser(frames, 1, MAX_IN_FRAME[layer.kind]) or _is_denser(
        frames, HALF_SECOND, MAX_IN_HALF_SECOND[layer.kind]
    ):
        raise BadFingerprint("The fingerprint has more landmarks at one time than any sound gives.")
    return frames


def _is_denser(frames: NDArray[np.int32], window: int, most: int) -> bool:
    """Return whether so many consecutive frames somewhere hold more landmarks."""
    return len(frames) > most and bool((frames[most:] - frames[:-most] < window).any())


def kinds_of(fingerprint: Fingerprint) -> list[int]:
    """Return the kinds of the layers that a fingerprint has."""
    layers = {
        REFERENCE: fingerprint.reference,
        DENSE: fingerprint.dense,
        LEVEL_MAP: fingerprint.level_map,
    }
    return [kind for kind, layer in layers.items() if layer is not None]


def scan_layer(fingerprint: Fingerprint, params: Params = DEFAULT) -> tuple[Landmarks, LevelMap]:
    """Return the layers a file is scanned by, or raise if missing or incompatible."""
    if fingerprint.dense is None or fingerprint.level_map is None:
        raise MissingLayer("scan")
    check_layers(fingerprint, params)
    return fingerprint.dense, fingerprint.level_map


def reference_layer(fingerprint: Fingerprint, params: Params = DEFAULT) -> Landmarks:
    """Return the layer a recording is indexed by, or raise if missing or incompatible."""
    if fingerprint.reference is None:
        raise MissingLayer("reference")
    check_layers(fingerprint, params)
    return fingerprint.reference


def check_layers(fingerprint: Fingerprint, params: Params = DEFAULT) -> None:
    """Raise unless layers were made with ``params``, and lie as these let them lie.

    A search reads arrays without checking their bounds.
    """
    check_params(fingerprint, params)
    dense, level_map = fingerprint.dense, fingerprint.level_map
    for landmarks in (fingerprint.reference, dense):
        if landmarks and landmarks.bins.max(initial=0) > params.n_bins - 0.5:
            raise BadFingerprint("The fingerprint is damaged: a bin is out of range.")
    if level_map is None:
        return
    rows, columns = level_map.levels.shape
    shape = columns, level_map.frames_per_cell, level_map.bins_per_cell
    n_cells = -(-params.n_bins // params.map_bins)
    fits = shape == (n_cells, params.map_frames, params.map_bins)
    if dense is not None and len(dense.frames):
        fits &= bool(dense.frames[-1] < rows * params.map_frames)
    if not fits:
        raise BadFingerprint("The fingerprint is damaged: its level map does not fit.")


def check_params(fingerprint: Fingerprint, params: Params) -> None:
    """Raise ``ParamsMismatch`` if the fingerprint was made with other parameters."""
    expected = params.shape_hash()
    if fingerprint.params_hash != expected:
        raise ParamsMismatch("The fingerprint", actual=fingerprint.params_hash, expected=expected)
