"""Encodes renditions of a media file; runs inside the limited child process."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO, Final

import av
from av.audio.frame import AudioFrame

from recognition.decode import AudioFile, Wanted
from recognition.errors import DecodeFailed, TooLong
from recognition.types import Progress

RATE: Final = 48_000
FRAME: Final = RATE // 50
BITS_PER_CHANNEL: Final = 32_000
# Of 10: half the time of the best, which nobody hears at this rate.
EFFORT: Final = "5"
REPORT_EVERY: Final = 500


def encode_proxy(audio: AudioFile, output: BinaryIO, report: Progress) -> None:
    """Opus in WebM of everything that can be decoded, on the fingerprint's time."""
    limit_ms = audio.limits.max_duration_ms
    with audio, av.open(output, mode="w", format="webm") as container:
        stream = container.add_stream("libopus", rate=RATE, layout=audio.layout)
        stream.bit_rate = BITS_PER_CHANNEL * (1 if audio.layout == "mono" else 2)
        stream.options = {"compression_level": EFFORT, "vbr": "constrained"}
        at = 0
        for number, frame in enumerate(
            audio.frames(Wanted("flt", audio.layout, RATE, FRAME))
        ):
            frame.pts, frame.time_base = at, Fraction(1, RATE)
            at += frame.samples
            if at > limit_ms * (RATE // 1000):
                raise TooLong(limit_ms / 1000)
            container.mux(stream.encode(frame))
            if number % REPORT_EVERY == 0:
                report(audio.progress)
        if at == 0:
            raise DecodeFailed("Nothing of it could be decoded.")
        container.mux(stream.encode(None))


def encode_excerpt(
    audio: AudioFile, output: BinaryIO, span_ms: tuple[int, int], report: Progress
) -> None:
    """FLAC of a stretch at the file's own rate, exact to the sample.

    Read from the beginning, for only so are places exact in every format.
    """
    rate = audio.declared.sample_rate
    start, end = (ms * rate // 1000 for ms in span_ms)
    with audio, av.open(output, mode="w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate, layout=audio.layout)
        stream.format = audio.exact_format.removesuffix("p")
        written = 0
        for frame in _cut(audio, start, end, report):
            frame.pts, frame.time_base = written, Fraction(1, rate)
            written += frame.samples
            container.mux(stream.encode(frame))
        if written == 0:
            raise DecodeFailed("There is no sound at that place.")
        container.mux(stream.encode(None))


def _cut(
    audio: AudioFile, start: int, end: int, report: Progress
) -> Iterator[AudioFrame]:
    """The samples from ``start`` to ``end``, at the file's own rate."""
    rate = audio.declared.sample_rate
    want = Wanted(audio.exact_format, audio.layout, rate, rate)
    at = 0
    for frame in audio.frames(want):
        first, last = max(start - at, 0), min(end - at, frame.samples)
        if first < last:
            samples = frame.to_ndarray()[:, first:last].copy()
            part = AudioFrame.from_ndarray(samples, want.format, want.layout)
            part.sample_rate = rate
            yield part
        at += frame.samples
        if at >= end:
            return
        report(at / end)
