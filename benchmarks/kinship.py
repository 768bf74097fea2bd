"""Decides whether two intervals hold the same sound, independently of the engine.

Game music shares loops, drum tracks and whole passages between pieces of one album. A
match there is right; counting it as false would only make the threshold too strict. The
measure does not use landmarks: it is a whitened cross-correlation (GCC-PHAT, Knapp and
Carter 1976), in which shared sound gives one sharp peak. Long pieces detect faint
sound, and many short ones sound at another tempo or speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy  # loads scipy.signal when it is used, which takes long
from numpy.typing import NDArray

from benchmarks.corpus import Track
from benchmarks.sound import RATE, Samples
from recognition.params import DEFAULT
from recognition.verify.alignment import Alignment
from recognition.verify.segments import ScoringRun

Floats: TypeAlias = NDArray[np.floating[Any]]  # Any: of either precision

# Among 1,000 alignments of pieces from different albums, the best has a peak 2.2 times
# as high as the next one, and the highest is 24 standard deviations; among 400 of 24
# and 36 s, 1.3 and 10. Loops have many equal peaks.
_ALONE, _HIGH = 2.5, 30.0
# Seconds: long excerpts detect faint sound, such as a drum loop under other music; short
# ones tolerate drift.
_PIECES = (3.0, 6.0, 12.0, 24.0)
# Standard deviations of a stretch at its best place in a whole track: at most 10.7 among
# 69 stretches and tracks of different albums.
_ANYWHERE = 16.0
# Short pieces: seconds, and how far each may lie from the alignment. What stretches time
# repeats short pieces or leaves some out, but keeps each as it is; so does a sequencer.
_SHORT, _OFF = 0.15, 0.02
# The mean of their peaks, in standard deviations, in a band of its own: at most 5.7 among
# 1,165 wrong alignments that a search proposed. A tenth of them exceed 5.16, and a tenth
# of these for each 0.18 more, so about two of ten million exceed the limit.
_AGREED = 6.2
_LOW = 60.0, 1000.0  # Hz
_SAME_SPEED = 0.005
_NEAR = int(0.06 * RATE)  # allowed distance of the peak from the alignment
_LOWEST, _HIGHEST = 150.0, 3800.0  # Hz, the band of the figures above
_FRAMES = 1000 / DEFAULT.frame_ms  # per second


def kin(tracks: Sequence[Track], number: int, runs: Sequence[ScoringRun]) -> set[int]:
    """Return the runs' recordings that share sound with track ``number``."""
    query = tracks[number].samples()
    relatives: set[int] = set()
    for run in runs:
        if run.recording in relatives or run.length < _FRAMES * _PIECES[0]:
            continue
        other_sound = tracks[run.recording].samples()
        if share_sound(query, other_sound, run.query_span, run.alignment):
            relatives.add(run.recording)
    return relatives


def share_sound(
    query: Samples, reference: Samples, span: tuple[float, float], alignment: Alignment
) -> bool:
    """Return whether a stretch of both, in query frames along an alignment, is one sound."""
    return agreement(query, reference, span, alignment) >= _AGREED or any(
        alone >= _ALONE or high >= _HIGH
        for alone, high in _peaks(query, reference, span, alignment)
    )


def agreement(
    query: Samples, reference: Samples, span: tuple[float, float], alignment: Alignment
) -> float:
    """Return the mean peak of short pieces along an alignment, in standard deviations.

    At another tempo, the pieces are compared as they are, which finds what was
    stretched, and at the alignment's own speed, which finds what was played faster.
    """
    speeds = [1.0] if abs(alignment.slope - 1) < _SAME_SPEED else [1.0, alignment.slope]
    return max(_short_peak(query, reference, span, alignment, speed) for speed in speeds)


def _short_peak(
    query: Samples,
    reference: Samples,
    span: tuple[float, float],
    alignment: Alignment,
    speed: float,
) -> float:
    """Return the mean peak of short pieces; ``speed`` is that of the query's sound, as a
    multiple of the length of the reference's.
    """
    size, length = int(_SHORT * RATE), round(_SHORT * RATE / speed)
    middles = np.arange(span[0] / _FRAMES, span[1] / _FRAMES, _SHORT / 2) + _SHORT / 2
    ours, theirs = [], []
    for middle in middles:
        here = int(middle * RATE) - size // 2
        there = alignment.reference_frame(middle * _FRAMES) / _FRAMES
        first = int(there * RATE) - length // 2
        if (
            min(here, first) >= 0
            and middle * _FRAMES <= span[1]
            and here + size <= len(query)
            and first + length <= len(reference)
        ):
            ours.append(query[here : here + size])
            theirs.append(reference[first : first + length])
    if not ours:
        return 0.0
    played = np.array(theirs)
    if length != size:
        played = scipy.signal.resample(played, size, axis=1)
    window = np.hanning(size)
    pieces = _whitened(np.array(ours) * window, played * window, _LOW)
    off = int(_OFF * RATE)
    near = np.abs(np.concatenate([pieces[:, : off + 1], pieces[:, -off:]], axis=1))
    return float(np.mean(near.max(1) / np.maximum(pieces.std(1), 1e-12)))


def sounds_in(query: Samples, reference: Samples, span: tuple[float, float]) -> bool:
    """Return whether a stretch of a track, in frames, sounds anywhere in another.

    A row may name another repeat of a loop than the one beneath the same melody. Sees
    only sound at its own speed.
    """
    start, end = (frame / _FRAMES for frame in span)
    middle, half = (start + end) / 2, min(end - start, _PIECES[-1]) / 2
    stretch = _between(query, middle - half, middle + half)
    # Without the window, both ends would be clicks, which fit any click of the track.
    whitened = _whitened(reference, stretch * np.hanning(len(stretch)))
    return bool(np.abs(whitened).max() >= _ANYWHERE * whitened.std())


def _peaks(
    query: Samples, reference: Samples, span: tuple[float, float], alignment: Alignment
) -> Iterator[tuple[float, float]]:
    """Yield each piece's peak: its ratio to the next, and standard deviations."""
    start, end = (frame / _FRAMES for frame in span)
    for seconds in _PIECES:
        for at in np.arange(start, max(start, end - seconds) + 1e-9, seconds / 2):
            stop = min(at + seconds, end)
            ours = _between(query, at, stop)
            first = alignment.reference_frame(at * _FRAMES) / _FRAMES
            last = alignment.reference_frame(stop * _FRAMES) / _FRAMES
            # Try the fitted alignment and an unaltered one: an alignment fitted to few
            # landmarks is less exact than a whitened peak needs
            middle, half = (first + last) / 2, (stop - at) / 2
            for begin, until in ((first, last), (middle - half, middle + half)):
                yield _peak(ours, _between(reference, begin, until))


def _between(y: Samples, start: float, end: float) -> Samples:
    return y[max(0, int(start * RATE)) : max(0, int(end * RATE))]


def _peak(ours: Samples, theirs: Samples) -> tuple[float, float]:
    if min(len(ours), len(theirs)) < 2 * RATE:
        return 0.0, 0.0
    if abs(len(theirs) / len(ours) - 1) > 3e-4:  # different speed
        theirs = scipy.signal.resample(theirs, len(ours))
    n = min(len(ours), len(theirs))
    window = np.hanning(n)
    correlation = _whitened(ours[:n] * window, theirs[:n] * window)
    highest = np.abs(np.concatenate([correlation[-_NEAR:], correlation[:_NEAR]])).max()
    around = np.concatenate([correlation[2 * _NEAR : RATE], correlation[-RATE : -2 * _NEAR]])
    next_one, spread = np.abs(around).max(), correlation.std()
    return float(highest / max(1e-12, next_one)), float(highest / max(1e-12, spread))


def _whitened(a: Floats, b: Floats, band: tuple[float, float] = (_LOWEST, _HIGHEST)) -> Floats:
    """Return the whitened cross-correlation of two sounds, longer than both together.

    Of several pieces, row by row.
    """
    padded = scipy.fft.next_fast_len(a.shape[-1] + b.shape[-1], real=True)
    product = scipy.fft.rfft(a, padded) * np.conj(scipy.fft.rfft(b, padded))
    frequencies = np.fft.rfftfreq(padded, 1 / RATE)
    heard = (frequencies > band[0]) & (frequencies < band[1])
    correlation: Floats = scipy.fft.irfft(
        np.where(heard, product / (np.abs(product) + 1e-12), 0), padded
    )
    return correlation
