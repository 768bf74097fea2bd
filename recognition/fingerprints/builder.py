"""Build a fingerprint from a stream of samples in one pass."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.landmarks import LandmarkExtractor
from recognition.fingerprints.levels import LevelMapBuilder
from recognition.fingerprints.spectrum import SpectrumStream
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint

REFERENCE: Final = "reference"
SCAN: Final = "scan"
LAYERS: Final = frozenset({REFERENCE, SCAN})
_AT_ONCE: Final = 1 << 17  # samples: 4 MB of spectra


class FingerprintBuilder:
    """Takes float32 mono blocks at 8 kHz and returns their fingerprint at the end.

    ``layers`` selects ``reference`` (sparse landmarks) and ``scan`` (dense landmarks
    and the level map).
    """

    def __init__(self, params: Params = DEFAULT, layers: Collection[str] = LAYERS) -> None:
        unknown = set(layers) - LAYERS
        if unknown:
            raise ValueError(f"unknown layers: {', '.join(sorted(unknown))}")
        self._params = params
        self._layers = frozenset(layers)
        self._spectrum = SpectrumStream(params)
        self._landmarks = LandmarkExtractor(params, self._spectrum.phases_at)
        self._level_map = LevelMapBuilder(params)

    def feed(self, block: NDArray[np.float32]) -> None:
        """Add the next samples."""
        # Without layers only the caller's other readers of the blocks count.
        if self._layers:
            for start in range(0, len(block), _AT_ONCE):
                self._take(self._spectrum.feed(block[start : start + _AT_ONCE]))

    def finish(self, duration_ms: int) -> Fingerprint:
        """Return the fingerprint of all samples fed so far; call it once, at the end."""
        self._take(self._spectrum.finish())
        self._landmarks.finish()
        self._level_map.finish()
        return self._make_fingerprint(duration_ms)

    def take(self) -> Fingerprint:
        """Return the decisions since the last call, and forget them.

        Frames count from the first sample fed; no landmark before ``duration_ms`` will
        follow. After this, ``finish`` returns only the rest.
        """
        return self._make_fingerprint(int(self._landmarks.decided * self._params.frame_ms))

    def _make_fingerprint(self, duration_ms: int) -> Fingerprint:
        sparse, dense = self._landmarks.take()
        scan = SCAN in self._layers
        return Fingerprint(
            duration_ms=duration_ms,
            params_hash=self._params.shape_hash(),
            reference=sparse if REFERENCE in self._layers else None,
            dense=dense if scan else None,
            level_map=self._level_map.take() if scan else None,
        )

    def _take(self, levels: NDArray[np.float32]) -> None:
        if not len(levels):
            return
        self._landmarks.feed(levels)
        self._spectrum.forget(self._landmarks.searched)
        if SCAN in self._layers:
            self._level_map.feed(levels)


def extract(y: NDArray[np.float32], params: Params = DEFAULT) -> Fingerprint:
    """Return the fingerprint, with every layer, of a whole array of mono samples."""
    builder = FingerprintBuilder(params)
    builder.feed(y)
    return builder.finish(round(1000 * len(y) / params.sample_rate))
