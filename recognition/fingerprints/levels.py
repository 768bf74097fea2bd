"""The coarse map of levels kept of a scanned file.

Verification uses it to see how loud the file is where a landmark is missing, and
silence is derived from it. One byte per cell, in steps of 1/8 neper.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.types import LevelMap

STEPS_PER_NEPER = 8
# Of each band, the level below which it stays for this share of the time is noise.
NOISE_SHARE = 0.1
NOISE_ROWS = 1 << 14
OFFSET = 24.0  # byte 0 stands for this many nepers below full scale


class LevelMapBuilder:
    """Pools levels [frames, n_bins] into cells, block by block."""

    def __init__(self, params: Params = DEFAULT) -> None:
        self._params = params
        self._rest = np.zeros((0, params.n_bins), dtype=np.float32)
        self._cells = bytearray()  # grows in place, where a list would be copied

    def feed(self, levels: NDArray[np.float32]) -> None:
        """Add the next rows."""
        self._rest = np.concatenate([self._rest, levels])
        whole = len(self._rest) // self._params.map_frames * self._params.map_frames
        self._pool(self._rest[:whole])
        self._rest = self._rest[whole:]

    def take(self) -> LevelMap:
        """Return and forget the complete rows; the next ones follow them."""
        n_cells = -(-self._params.n_bins // self._params.map_bins)
        rows = np.frombuffer(self._cells, dtype=np.uint8).reshape(-1, n_cells)
        self._cells = bytearray()
        return LevelMap(rows, self._params.map_frames, self._params.map_bins)

    def finish(self) -> None:
        """Complete the last row, padded with its own edge; ``take`` returns it."""
        p = self._params
        if len(self._rest):
            missing = p.map_frames - len(self._rest)
            self._pool(np.pad(self._rest, ((0, missing), (0, 0)), mode="edge"))
            self._rest = self._rest[:0]

    def _pool(self, levels: NDArray[np.float32]) -> None:
        if not len(levels):
            return
        p = self._params
        by_frame = levels.reshape(-1, p.map_frames, p.n_bins).max(axis=1)
        starts = np.arange(0, p.n_bins, p.map_bins)
        pooled = to_bytes(np.maximum.reduceat(by_frame, starts, axis=1))
        self._cells += pooled.tobytes()


def to_bytes(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert levels in nepers to bytes, clipped to the range of a byte."""
    steps = np.rint((levels + OFFSET) * STEPS_PER_NEPER)
    cut: NDArray[np.uint8] = np.clip(steps, 0, 255).astype(np.uint8)
    return cut


def silent_frames(level_map: LevelMap, params: Params = DEFAULT) -> NDArray[np.bool_]:
    """Return for each row of the map whether nothing in it is audible.

    A row is heard if it is loud, or if a cell of it stands out from the file's own noise:
    a quiet master is no silence, and the hiss of its pauses is.
    """
    loud, floor = to_bytes(
        np.array([params.silence_level, params.level_floor], dtype=np.float32)
    ).tolist()
    cells = level_map.levels[:, params.silence_bin // level_map.bins_per_cell :]
    loudest = cells.max(axis=1, initial=0)
    silent: NDArray[np.bool_] = loudest <= loud
    sounding = np.flatnonzero(loudest > floor)
    if not len(sounding):
        return silent
    # A part of the rows is enough, and takes little memory for two days.
    drawn = sounding[:: -(-len(sounding) // NOISE_ROWS)]
    noise = np.quantile(cells[drawn], NOISE_SHARE, axis=0)
    limit = np.maximum(noise + STEPS_PER_NEPER * params.silence_margin, floor)
    quiet = np.flatnonzero(silent & (loudest > floor))
    for at in range(0, len(quiet), NOISE_ROWS):
        rows = quiet[at : at + NOISE_ROWS]
        silent[rows] = ~(cells[rows] > limit).any(axis=1)
    return silent
