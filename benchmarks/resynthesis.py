"""How much of a recording stands in its fingerprint: play the landmarks, and compare.

``python -m benchmarks.resynthesis`` plays the dense landmarks of the demo's recordings
as tones. It prints how alike the waveforms are, and whether the engine recognises the
recording in what it hears.
"""

from __future__ import annotations

import tempfile
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
TONE_S = 0.12
LAG_S = 0.5


def main() -> None:
    """Print one line per recording."""
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(Path(folder), create=True)
        tracks = sorted(DEMO.glob("*.opus"))
        made = {path.stem: analyse_file(path).fingerprint for path in tracks}
        collection.add_many(list(made.items()))
        print(f"{'recording':18} {'correlation':>11} {'recognised':>10}")
        for path in tracks:
            fingerprint = made[path.stem]
            assert fingerprint.dense is not None
            ours = samples(path)
            played = play(fingerprint.dense, len(ours))
            result = match.scan(
                extract(played),
                index=collection.store,
                buckets=[BUCKET],
                references=collection.references(),
            )
            names = {collection.track_id(s.recording) for s in result.segments}
            alike = correlation(ours, played)
            print(f"{path.stem:18} {alike:11.3f} {path.stem in names!s:>10}")


def samples(path: Path) -> NDArray[np.float32]:
    """Return a file's mono samples at 8 kHz."""
    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name=path.name) as y:
        return np.concatenate(list(y.blocks()))


def play(landmarks: Landmarks, length: int) -> NDArray[np.float32]:
    """Return a decaying tone of random phase for each landmark."""
    rng = np.random.default_rng(1)
    rate = DEFAULT.sample_rate
    t = np.arange(int(TONE_S * rate)) / rate
    decay = np.exp(-t / (TONE_S / 3))
    y = np.zeros(length + len(t))
    tones = DEFAULT.f_min * 2 ** (landmarks.bins / DEFAULT.bins_per_octave)
    starts = landmarks.frames * DEFAULT.hop_length
    for start, tone, level in zip(starts, tones, landmarks.levels, strict=True):
        phase = 2 * np.pi * rng.random()
        tone_samples = np.exp(level) * decay * np.sin(2 * np.pi * tone * t + phase)
        y[start : start + len(t)] += tone_samples[: max(0, len(y) - start)]
    quiet: NDArray[np.float32] = (y[:length] / np.abs(y).max() / 2).astype(np.float32)
    return quiet


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the largest normalised correlation of two signals within half a second."""
    whole = correlate(a, b, mode="full", method="fft")
    middle, lag = len(b) - 1, int(LAG_S * DEFAULT.sample_rate)
    near = np.abs(whole[middle - lag : middle + lag + 1]).max()
    return float(near / np.sqrt((a.astype(float) ** 2).sum() * (b.astype(float) ** 2).sum()))


if __name__ == "__main__":
    main()
