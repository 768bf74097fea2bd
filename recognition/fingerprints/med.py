"""The median edge predictor of lossless image coding (LOCO-I), for a level map.

Each cell is stored as its difference, modulo 256, from a prediction by three
neighbours: the previous in time, the next lower in frequency, and the one diagonal to
it. This halves the entropy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part

# Rows per block: all rows of ten hours together would take 43 MB.
_ROWS: Final = 1 << 16


def encode(cells: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield the differences from the predictions, row by row, in blocks of rows."""
    for start in range(0, len(cells), _ROWS):
        first = max(0, start - 1)  # the row from which the first is predicted
        block = np.ascontiguousarray(cells[first : start + _ROWS])
        differences = np.empty(block.shape, dtype=np.uint8)
        _encode(block, differences)
        yield differences[start - first :].ravel()


def decode(differences: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Restore the cells from differences of shape [rows, columns]."""
    cells = np.empty(differences.shape, dtype=np.uint8)
    _decode(differences, cells)
    return cells


@compiled_part
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
