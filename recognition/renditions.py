"""Encodes renditions of a media file; runs inside the limited child process."""

from __future__ import annotations

import io
from collections.abc import Sequence
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


class _Excerpt:
    """A stretch on its way into a FLAC in memory; ``start`` and ``end`` in samples."""

    def __init__(self, audio: AudioFile, span_ms: tuple[int, int], rate: int) -> None:
        self.start, self.end = (ms * rate // 1000 for ms in span_ms)
        self._rate = rate
        self._memory = io.BytesIO()
        self._container = av.open(self._memory, mode="w", format="flac")
        self._stream = self._container.add_stream(
            "flac", rate=rate, layout=audio.layout
        )
        self._stream.format = audio.exact_format.removesuffix("p")
        self._written = 0

    def take(self, frame: AudioFrame, at: int, want: Wanted) -> None:
        """Take what of a frame that begins at ``at`` belongs to it."""
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
        """The FLAC; nothing where there was no sound."""
        if self._written:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._memory.getvalue() if self._written else b""


def encode_excerpts(
    audio: AudioFile,
    output: BinaryIO,
    spans_ms: Sequence[tuple[int, int]],
    report: Progress,
) -> list[int]:
    """FLAC of each stretch at the file's own rate, exact to the sample.

    They are written one after the other in the order of their starts; the answer are
    their lengths in bytes, 0 where there is no sound. The file is read once, and from
    the beginning, for only so are places exact in every format.
    """
    rate = audio.declared.sample_rate
    want = Wanted(audio.exact_format, audio.layout, rate, rate)
    last = max(end for _, end in spans_ms) * rate // 1000
    lengths: list[int] = []
    with audio:
        waiting = [*reversed(spans_ms)]
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
    return lengths + [0] * (len(spans_ms) - len(lengths))
