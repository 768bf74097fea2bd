"""How much of a recording stands in its fingerprint: play the landmarks, and compare.

``python -m benchmarks.resynthesis`` plays the landmarks of the demo's recordings as tones,
those of the dense layer with their phases and without, and those of the reference layer
with theirs. It prints how alike the waveforms are, and whether the engine recognises the
recording in the first of them.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from recognition.api.collection import BUCKET, Collection
from recognition.audio.analysis import analyse_file
from recognition.audio.decode import AudioFile
from recognition.fingerprints.builder import extract
from recognition.limits import DEFAULT_LIMITS
from recognition.params import DEFAULT
from recognition.search import match
from recognition.types import Landmarks

DEMO = Path(__file__).resolve().parent.parent / "demo"
LAG_S = 0.5


def main() -> None:
    """Print one line per recording."""
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(Path(folder), create=True)
        tracks = sorted(DEMO.glob("*.opus"))
        made = {path.stem: analyse_file(path).fingerprint for path in tracks}
        collection.add_many(list(made.items()))
        print(f"{'recording':18} {'dense':>6} {'no phase':>8} {'reference':>9} recognised")
        for path in tracks:
            fingerprint = made[path.stem]
            assert fingerprint.dense is not None
            assert fingerprint.reference is not None
            ours = samples(path)
            bare = replace(fingerprint.dense, phases=None)
            layers = fingerprint.dense, bare, fingerprint.reference
            played, *copies = (play(layer, len(ours)) for layer in layers)
            result = match.scan(
                extract(played),
                index=collection.store,
                buckets=[BUCKET],
                references=collection.references(),
            )
            names = {collection.track_id(s.recording) for s in result.segments}
            alike, without, sparse = (correlation(ours, y) for y in (played, *copies))
            is_listed = path.stem in names
            print(
                f"{path.stem:18} {alike:6.3f} {without:8.3f} {sparse:9.3f} {is_listed}", flush=True
            )


def samples(path: Path) -> NDArray[np.float32]:
    """Return a file's mono samples at 8 kHz."""
    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name=path.name) as y:
        return np.concatenate(list(y.blocks()))


def play(landmarks: Landmarks, length: int) -> NDArray[np.float32]:
    """Return a tone for each landmark, as long as a transform and with its phase there.

    Of landmarks without phases, at random phases.
    """
    n, rate = DEFAULT.n_fft, DEFAULT.sample_rate
    t = (np.arange(n) - n // 2) / rate
    y = np.zeros(length + 2 * n)
    tones = DEFAULT.f_min * 2 ** (landmarks.bins / DEFAULT.bins_per_octave)
    starts = landmarks.frames * DEFAULT.hop_length + n // 2
    turns = np.random.default_rng(1).random(len(starts))
    if landmarks.phases is not None:
        turns = landmarks.phases / 256
    for start, tone, level, turn in zip(starts, tones, landmarks.levels, turns, strict=True):
        y[start : start + n] += (
            np.exp(level) * np.hanning(n) * np.cos(2 * np.pi * (tone * t + turn))
        )
    quiet: NDArray[np.float32] = (y[n : n + length] / np.abs(y).max() / 2).astype(np.float32)
    return quiet


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the largest normalised correlation of two signals within half a second."""
    whole = correlate(a, b, mode="full", method="fft")
    middle, lag = len(b) - 1, int(LAG_S * DEFAULT.sample_rate)
    near = np.abs(whole[middle - lag : middle + lag + 1]).max()
    return float(near / np.sqrt((a.astype(float) ** 2).sum() * (b.astype(float) ** 2).sum()))


if __name__ == "__main__":
    main()
