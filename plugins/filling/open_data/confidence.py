"""Says how likely a value is right, and from which confidence on it is right often enough.

A logistic regression weighs the features of a match; isotonic regression makes its output
a share of right values. Both are fitted on values that the portal knows and hid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from base.common.statistics import wilson_interval

LEAST_PRECISION: Final = 0.995
FOLDS: Final = 10
# Fewer known values say nothing about ten folds.
FEWEST: Final = 100
_PENALTY: Final = 1.0
_ROUNDS: Final = 50
# Until there are known values: what each feature is worth, in their order in
# ``matching.FoundValue.features``.
USUAL_WEIGHTS: Final = (*(4.0, 1.0, 0.5, -2.0, -8.0, -5.0, -4.0, -4.0, -3.0, 0.3, 1.0, -1.0),)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the features, and a rising curve from their sum to a share."""

    weights: tuple[float, ...] = USUAL_WEIGHTS
    sums: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def confidence(self, features: Sequence[float]) -> float:
        """Return a number from 0 to 1."""
        total = float(np.dot(self.weights, features))
        if not self.sums:
            return float(_logistic(np.array([total]))[0])
        return float(np.interp(total, self.sums, self.shares))


@dataclass(frozen=True, slots=True)
class MeasuredField:
    """What hiding known values showed about one field; ``mark`` is None without one.

    ``above`` values reached the mark, of which ``errors`` were wrong; ``right`` is how
    many of all values were right.
    """

    model: Model
    mark: float | None
    values: int
    right: int
    above: int = 0
    errors: int = 0


def measure(
    features: Sequence[Sequence[float]], right: Sequence[bool], in_one_go: Sequence[bool]
) -> MeasuredField:
    """Fit a model on known values, and find the mark on values it was not fitted on.

    Only the values that may be accepted ``in_one_go`` count for the mark.
    """
    x, y = np.array(features, dtype=np.float64), np.array(right, dtype=np.float64)
    if len(y) < FEWEST:
        return MeasuredField(Model(), None, len(y), int(y.sum()))
    guesses = cross_fitted(x, y)
    counted = np.array(in_one_go, dtype=bool)
    mark, above, errors = find_mark(guesses[counted], y[counted])
    return MeasuredField(fit(x, y), mark, len(y), int(y.sum()), above, errors)


def cross_fitted(x: Floats, y: Floats) -> Floats:
    """Return the confidence of each value, from a model that never saw it."""
    guesses = np.empty(len(y))
    folds = np.arange(len(y)) % FOLDS
    for fold in range(FOLDS):
        model = fit(x[folds != fold], y[folds != fold])
        for at in np.flatnonzero(folds == fold):
            guesses[at] = model.confidence(x[at].tolist())
    return guesses


def fit(x: Floats, y: Floats) -> Model:
    """Return the model of ``y``, 0 or 1, by features ``x``, shaped (values, features)."""
    weights = _regression(x, y)
    sums = x @ weights
    order = np.argsort(sums, kind="stable")
    shares = isotonic(y[order])
    # The curve needs its corners only.
    is_corner = np.ones(len(shares), dtype=bool)
    is_corner[1:-1] = (shares[1:-1] != shares[:-2]) | (shares[1:-1] != shares[2:])
    return Model(
        tuple(float(weight) for weight in weights),
        tuple(float(corner) for corner in sums[order][is_corner]),
        tuple(float(share) for share in shares[is_corner]),
    )


def _regression(x: Floats, y: Floats) -> Floats:
    """Fit by Newton's method, with a penalty that keeps separable data finite."""
    weights = np.zeros(x.shape[1])
    penalty = _PENALTY * np.eye(x.shape[1])
    penalty[0, 0] = 1e-6
    for _round in range(_ROUNDS):
        guess = _logistic(x @ weights)
        slope = x.T @ (y - guess) - penalty @ weights
        curve = (x.T * (guess * (1 - guess) + 1e-9)) @ x + penalty
        step = np.linalg.solve(curve, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _logistic(sums: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(sums, -500, 500)))


def isotonic(values: Floats) -> Floats:
    """Return the rising sequence nearest to ``values``: pool adjacent violators."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] >= mean:
            previous, size = blocks.pop()
            mean = (previous * size + mean * count) / (size + count)
            count += size
        blocks.append((mean, count))
    return np.concatenate([np.full(count, mean) for mean, count in blocks])


def wilson(right: int, count: int) -> float:
    """Return the lower bound of Wilson's interval of a share."""
    return wilson_interval(right / count, count)[0] if count else 0.0


def find_mark(guesses: Floats, right: Floats) -> tuple[float | None, int, int]:
    """Return the least confidence whose values are right often enough.

    With it come the number of values that reach it, and how many of them are wrong.
    """
    best: tuple[float | None, int, int] = (None, 0, 0)
    for mark in np.unique(guesses)[::-1]:
        above = guesses >= mark
        count, good = int(above.sum()), int(right[above].sum())
        if wilson(good, count) >= LEAST_PRECISION:
            best = (float(mark), count, count - good)
    return best
