"""The median edge predictor of lossless image coding (LOCO-I), on a level map.

Each cell is told as its difference, modulo 256, from a guess made of the cell
before it in time, the one below it in frequency and the one before that: half the
entropy of the cells themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled

# Of ten hours, all rows together would take 43 MB
_ROWS: Final = 1 << 16


def encode(cells: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Differences from the guesses, row by row, some rows at a time."""
    for start in range(0, len(cells), _ROWS):
        first = max(0, start - 1)  # what the first row is guessed from
        block = np.ascontiguousarray(cells[first : start + _ROWS])
        differences = np.empty(block.shape, dtype=np.uint8)
        _encode(block, differences)
        yield differences[start - first :].ravel()


def decode(differences: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cells of differences of shape [rows, columns]."""
    cells = np.empty(differences.shape, dtype=np.uint8)
    _decode(differences, cells)
    return cells


@compiled
def _guess(cells: NDArray[np.uint8], row: int, column: int) -> int:
    left = int(cells[row, column - 1]) if column else 0
    above = int(cells[row - 1, column]) if row else 0
    corner = int(cells[row - 1, column - 1]) if row and column else 0
    low, high = min(left, above), max(left, above)
    return min(max(left + above - corner, low), high)


@compiled
def _encode(cells: NDArray[np.uint8], differences: NDArray[np.uint8]) -> None:
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            guess = _guess(cells, row, column)
            differences[row, column] = (int(cells[row, column]) - guess) & 255


@compiled
def _decode(differences: NDArray[np.uint8], cells: NDArray[np.uint8]) -> None:
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            guess = _guess(cells, row, column)
            cells[row, column] = (int(differences[row, column]) + guess) & 255
