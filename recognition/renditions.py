"""Encodes renditions of a media file; runs inside the limited child process."""

from __future__ import annotations

from fractions import Fraction
from typing import BinaryIO, Final

import av

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
