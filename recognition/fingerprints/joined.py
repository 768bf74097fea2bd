"""Lay fingerprints of pieces into one, at their places; what lies between is silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from recognition.errors import MissingLayer
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, LevelMap

GRID_MS: Final = 64
"""Pieces begin on the rows of the level map."""


def on_grid(ms: float) -> int:
    """Return the nearest time on the grid."""
    return round(ms / GRID_MS) * GRID_MS


def join(
    pieces: Sequence[tuple[Fingerprint, int]], duration_ms: int, params: Params = DEFAULT
) -> Fingerprint:
    """Return one fingerprint of ``duration_ms`` with each piece at its time in ms.

    Pieces are in order and each has both layers; their times are rounded to the grid.
    What reaches into the next piece, or beyond the end, is cut off. Raises
    ``MissingLayer``.
    """
    frame_ms = params.frame_ms
    starts = [round(on_grid(at) / frame_ms) for _, at in pieces]
    ends = [*starts[1:], round(duration_ms / frame_ms)]
    rows = -(-duration_ms // GRID_MS)
    levels = np.zeros((rows, -(-params.n_bins // params.map_bins)), dtype=np.uint8)
    reference: list[Landmarks] = []
    dense: list[Landmarks] = []
    for (piece, _), start, end in zip(pieces, starts, ends, strict=True):
        if piece.reference is None or piece.dense is None or piece.level_map is None:
            raise MissingLayer("scan")
        reference.append(_move_landmarks(piece.reference, start, end))
        dense.append(_move_landmarks(piece.dense, start, end))
        row = start // params.map_frames
        piece_levels = piece.level_map.levels[: max(0, -(-end // params.map_frames) - row)]
        levels[row : row + len(piece_levels)] = piece_levels[: rows - row]
    return Fingerprint(
        duration_ms=duration_ms,
        params_hash=params.shape_hash(),
        reference=Landmarks.joined(reference),
        dense=Landmarks.joined(dense),
        level_map=LevelMap(levels, params.map_frames, params.map_bins),
    )


def _move_landmarks(landmarks: Landmarks, start: int, end: int) -> Landmarks:
    return landmarks.select(landmarks.frames < end - start).moved(start)
