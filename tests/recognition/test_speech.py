"""The speech estimate, on synthetic sound and on the demo."""

from __future__ import annotations

import numpy as np

from recognition.fingerprints.builder import extract
from recognition.search.speech import speech_share
from tests.recognition.synthesis import RATE, Samples, music, noise, silence


def _share(y: Samples) -> float | None:
    fingerprint = extract(y)
    assert fingerprint.dense is not None
    assert fingerprint.level_map is not None
    return speech_share(fingerprint.dense, fingerprint.level_map, (0, fingerprint.duration_ms))


def _babble(seconds: float) -> Samples:
    """Return gliding voiced syllables, four per second, with pauses between words."""
    rng = np.random.default_rng(3)
    y = silence(seconds)
    at = 0.0
    while at < seconds - 0.4:
        t = np.arange(int(0.18 * RATE)) / RATE
        pitch = rng.uniform(100, 180) * (1 + rng.uniform(-1.5, 1.5) * t)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        voiced = sum(np.sin(k * phase) / k for k in range(1, 20))
        part = y[int(at * RATE) : int(at * RATE) + len(t)]
        part += (0.1 * voiced * np.hanning(len(t)))[: len(part)]
        at += float(rng.choice([0.22, 0.26, 0.5]))
    return y + noise(4, seconds, 0.0005)


def test_a_held_chord_is_no_speech() -> None:
    t = np.arange(12 * RATE) / RATE
    chord = sum(0.05 * np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440))

    assert _share(np.asarray(chord, dtype=np.float32)) == 0.0


def test_syllables_are_taken_for_speech() -> None:
    share = _share(_babble(12))

    assert share is not None
    assert share > 0.6


def test_a_moment_too_short_to_judge_is_not_judged() -> None:
    assert _share(music(5, 0.5)) is None


def test_silence_without_landmarks_still_gets_a_share() -> None:
    share = _share(silence(5))

    # Scans estimate speech only where there is sound, so any share will do.
    assert share is not None
    assert 0 <= share <= 1
