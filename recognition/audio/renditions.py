"""Encode renditions of a media file; runs inside the confined child process."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import BinaryIO, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from recognition.audio.convert import Wanted
from recognition.audio.decode import AudioFile
from recognition.errors import DecodeFailed, TooLong
from recognition.types import Progress

RATE: Final = 48_000
FRAME: Final = RATE // 50
BITS_PER_CHANNEL: Final = 32_000
# On a scale to 10; half the time of 10, with no audible loss at this bit rate.
EFFORT: Final = "5"
REPORT_EVERY: Final = 500
# What is kept of a stream is also cut for evidence, so it sounds better than renditions.
ASSEMBLED_BITS_PER_CHANNEL: Final = 64_000


def encode_proxy(audio: AudioFile, output: BinaryIO, report: Progress) -> None:
    """Encode everything decodable as Opus in WebM, on the fingerprint's time axis."""
    limit_ms = audio.limits.max_duration_ms
    with audio, av.open(output, mode="w", format="webm") as container:
        stream = container.add_stream("libopus", rate=RATE, layout=audio.layout)
        stream.bit_rate = BITS_PER_CHANNEL * (1 if audio.layout == "mono" else 2)
        stream.options = {"compression_level": EFFORT, "vbr": "constrained"}
        at = 0
        for number, frame in enumerate(audio.frames(Wanted("flt", audio.layout, RATE, FRAME))):
            frame.pts, frame.time_base = at, Fraction(1, RATE)
            at += frame.samples
            if at > limit_ms * (RATE // 1000):
                raise TooLong(limit_ms / 1000)
            container.mux(stream.encode(frame))
            if number % REPORT_EVERY == 0:
                report(audio.progress)
        if at == 0:
            raise DecodeFailed("No sound in the file could be decoded.")
        container.mux(stream.encode(None))


def encode_assembled(
    parts: Iterable[tuple[AudioFile, int]], output: BinaryIO, duration_ms: int, report: Progress
) -> list[tuple[int, int]]:
    """Encode parts at their times as Opus in WebM, with silence between and around.

    Parts are in order; what overlaps an earlier one, or lies beyond ``duration_ms``, is
    left out. Returns the times in ms of what was encoded; a part that cannot be decoded
    is left out.
    """
    times: list[tuple[int, int]] = []
    end = duration_ms * (RATE // 1000)
    with av.open(output, mode="w", format="webm") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="stereo")
        stream.bit_rate = 2 * ASSEMBLED_BITS_PER_CHANNEL
        stream.options = {"compression_level": EFFORT}
        at = 0

        def write(frame: AudioFrame) -> None:
            nonlocal at
            frame.sample_rate = RATE
            frame.pts, frame.time_base = at, Fraction(1, RATE)
            at += frame.samples
            container.mux(stream.encode(frame))

        def be_silent(until: int) -> None:
            while at < until:
                samples = min(FRAME, until - at)
                write(_frame_of(np.zeros((1, 2 * samples), dtype=np.float32)))

        for audio, at_ms in parts:
            start = at_ms * (RATE // 1000)
            be_silent(min(start, end))
            begun = at
            try:
                with audio:
                    for frame in audio.frames(Wanted("flt", "stereo", RATE, FRAME)):
                        skipped = max(0, at - start)
                        first = min(frame.samples, skipped)
                        start += first
                        samples = frame.to_ndarray()[:, 2 * first :][:, : 2 * (end - at)]
                        if samples.size:
                            write(_frame_of(np.ascontiguousarray(samples)))
                        start = max(start, at)
            except DecodeFailed:
                pass
            if at > begun:
                times.append((begun * 1000 // RATE, at * 1000 // RATE))
            report(at / max(1, end))
        be_silent(end)
        container.mux(stream.encode(None))
    return times


def _frame_of(samples: NDArray[np.float32]) -> AudioFrame:
    return AudioFrame.from_ndarray(samples, "flt", "stereo")


def samples_of(interval_ms: tuple[int, int], rate: int) -> tuple[int, int]:
    """Return the samples that an interval touches, so that none of it is cut off.

    Players read whole milliseconds of a length: with a sample less, they would show a
    millisecond less than the interval has.
    """
    start, end = interval_ms
    return start * rate // 1000, -(-end * rate // 1000)


class _Excerpt:
    """An interval being encoded as FLAC in memory; ``start`` and ``end`` in samples."""

    def __init__(self, audio: AudioFile, interval_ms: tuple[int, int], rate: int) -> None:
        self.start, self.end = samples_of(interval_ms, rate)
        self._rate = rate
        self._memory = io.BytesIO()
        self._container = av.open(self._memory, mode="w", format="flac")
        self._stream = self._container.add_stream("flac", rate=rate, layout=audio.layout)
        self._stream.format = audio.exact_format.removesuffix("p")
        self._written = 0

    def take(self, frame: AudioFrame, at: int, want: Wanted) -> None:
        """Add the part of a frame beginning at ``at`` that lies inside the interval."""
        first, last = max(self.start - at, 0), min(self.end - at, frame.samples)
        if first >= last:
            return
        samples = frame.to_ndarray()[:, first:last].copy()
        part = AudioFrame.from_ndarray(samples, want.format, want.layout)
        part.sample_rate = self._rate
        part.pts, part.time_base = self._written, Fraction(1, self._rate)
        self._written += part.samples
        self._container.mux(self._stream.encode(part))

    def finish(self) -> bytes:
        """Return the FLAC file; empty if the interval has no sound."""
        if self._written:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._memory.getvalue() if self._written else b""


def encode_excerpts(
    audio: AudioFile, output: BinaryIO, intervals_ms: Sequence[tuple[int, int]], report: Progress
) -> list[int]:
    """Encode each interval as FLAC at the file's own rate, exact to the sample.

    Writes the FLAC files one after another in order of start, and returns their lengths
    in bytes, 0 for no sound. Reads the file once from the beginning, because seeking is
    not exact in every format.
    """
    rate = audio.declared.sample_rate
    want = Wanted(audio.exact_format, audio.layout, rate, rate)
    _, last = samples_of((0, max(end for _, end in intervals_ms)), rate)
    lengths: list[int] = []
    with audio:
        waiting = [*reversed(intervals_ms)]
        opened: list[_Excerpt] = []
        at = 0
        for frame in audio.frames(want):
            until = at + frame.samples
            while waiting and waiting[-1][0] * rate // 1000 < until:
                opened.append(_Excerpt(audio, waiting.pop(), rate))
            for excerpt in opened:
                excerpt.take(frame, at, want)
            at = until
            while opened and opened[0].end <= at:
                lengths.append(output.write(opened.pop(0).finish()))
            if at >= last:
                break
            report(at / last)
        lengths += [output.write(excerpt.finish()) for excerpt in opened]
    return lengths + [0] * (len(intervals_ms) - len(lengths))
