"""Pieces of a run's fingerprint, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints import file_format as fingerprint
from recognition.params import DEFAULT
from recognition.types import Fingerprint, Landmarks, LevelMap


@dataclass(frozen=True, slots=True)
class RunPiece:
    """Landmarks decided since the last piece; frames of the fingerprint count from
    ``first_frame`` of the run.
    """

    first_frame: int
    first_row: int
    duration_ms: int
    body: bytes

    def fingerprint(self) -> Fingerprint:
        """Parse what the child sent. Raises ``BadFingerprint``."""
        return fingerprint.from_bytes(self.body)


class PieceCollector:
    """Puts together what pieces hold from frame ``first`` to before ``last``."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._sparse: list[Landmarks] = []
        self._dense: list[Landmarks] = []
        rows = -(-(last - first) // DEFAULT.map_frames)
        self._columns = -(-DEFAULT.n_bins // DEFAULT.map_bins)
        self._rows = np.zeros((rows, self._columns), dtype=np.uint8)
        self._there = 0

    def add(self, piece: RunPiece) -> None:
        """Add the next piece. Raises ``BadFingerprint``."""
        made = piece.fingerprint()
        for layer, parts in ((made.reference, self._sparse), (made.dense, self._dense)):
            if layer is not None:
                parts.append(self._part(layer, piece.first_frame))
        level_map = made.level_map
        if level_map is not None and level_map.levels.shape[1] == self._columns:
            at = piece.first_row - self._first // DEFAULT.map_frames
            self._put(level_map.levels, at)

    def fingerprint(self, duration_ms: int) -> Fingerprint:
        """Return what was added; its frames count from ``first``."""
        return Fingerprint(
            duration_ms=duration_ms,
            params_hash=DEFAULT.shape_hash(),
            reference=Landmarks.joined(self._sparse),
            dense=Landmarks.joined(self._dense),
            level_map=LevelMap(self._rows[: self._there], DEFAULT.map_frames, DEFAULT.map_bins),
        )

    def _put(self, rows: NDArray[np.uint8], at: int) -> None:
        begin, end = max(0, at), min(len(self._rows), at + len(rows))
        if begin < end:
            self._rows[begin:end] = rows[begin - at : end - at]
            self._there = max(self._there, end)

    def _part(self, layer: Landmarks, first_frame: int) -> Landmarks:
        frames = layer.frames.astype(np.int64) + (first_frame - self._first)
        inside = (frames >= 0) & (frames < self._last - self._first)
        return layer.select(inside).moved(first_frame - self._first)
