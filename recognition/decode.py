"""Turns a media file into mono samples at 8 kHz, block by block.

Meant to run inside the limited child process (see ``analysis``): the file is
untrusted. Memory does not grow with the length of the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.error import MemoryError as FFmpegMemoryError
from av.packet import Packet
from av.stream import Disposition
from numpy.typing import NDArray

from recognition.announced import announced_ms
from recognition.errors import DecodeFailed, TooLong, TooShort, UnsupportedMedia
from recognition.formats import FORMATS
from recognition.limits import DEFAULT_LIMITS, DecodeLimits

SAMPLE_RATE: Final = 8000
BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE
# Side this many times stronger than mid: the channels are each other's negative.
CANCELLING: Final = 4.0
CLIPPED_LEVEL: Final = 0.99
MAX_LEVEL: Final = 8.0
# File systems refuse to seek further; no media file is that long.
MAX_POSITION: Final = 1 << 43
MIN_GAP_S: Final = Fraction(1, 5)
MAX_GAP_S: Final = 60
MAX_BAD_PACKETS: Final = 10_000
SHORT_FORMATS: Final = frozenset({"u8", "u8p", "s16", "s16p"})
# Codecs whose samples of more than 16 bits mean something; of lossy ones they do not.
EXACT: Final = ("pcm", "flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd")
MAX_TAGS: Final = 64
MAX_TAG_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Declared:
    """What the file says of itself before anything is decoded."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    bit_rate: int | None
    duration_ms: int | None
    has_video: bool
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What decoded frames are converted to; ``samples`` is the length of each."""

    format: str
    layout: str
    rate: int
    samples: int


class _Source:
    """What FFmpeg reads from: a file whose impossible seeks fail without a fuss.

    ``name`` tells it the suffix, by which some formats are known.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.read = file.read
        self.tell = file.tell
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_CUR: self.tell(), io.SEEK_END: self.size}.get(whence, 0)
        possible = 0 <= base + offset <= MAX_POSITION
        return self._file.seek(base + offset) if possible else -1


class AudioFile:
    """The first audio stream of an open file; a context manager.

    After ``blocks`` has ended, ``samples`` (at 8 kHz), ``clipped`` (how many of
    them at full scale) and ``warnings`` tell what was found.
    """

    def __init__(self, file: BinaryIO, limits: DecodeLimits, *, name: str = "") -> None:
        self._file = file
        self.limits = limits
        self._source = _Source(file, name)
        self._container = _open(self._source)
        try:
            self._stream = _first_audio(self._container)
            self.declared = _declared(self._container, self._stream)
        except BaseException:
            self._container.close()
            raise
        self._next_start: Fraction | None = None
        self._lost_s = Fraction(0)
        self._bad_packets = 0
        self._broken_off = False
        self.samples = 0
        self.clipped = 0
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    @property
    def progress(self) -> float:
        """Share of the file read so far, 0–1."""
        return min(1.0, self._source.tell() / max(1, self._source.size))

    @property
    def layout(self) -> str:
        """``mono`` or ``stereo``; more channels are mixed down to two."""
        return "mono" if self._stream.channels == 1 else "stereo"

    @property
    def exact_format(self) -> str:
        """Planar integers that hold the decoded samples: 16 bits where these do."""
        short = self._stream.codec_context.format.name in SHORT_FORMATS
        return "s16p" if short or not self.declared.codec.startswith(EXACT) else "s32p"

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Mono float32 samples at 8 kHz in blocks of at most 10 s.

        Raises ``TooShort`` at the end, ``TooLong`` on the way, ``UnsupportedMedia``
        where nothing at all could be decoded.
        """
        max_samples = self.limits.max_duration_ms * SAMPLE_RATE // 1000
        want = Wanted("fltp", self.layout, SAMPLE_RATE, BLOCK_SAMPLES)
        for frame in self.frames(want):
            channels = _samples(frame)
            self.clipped += int((np.abs(channels).max(axis=0) >= CLIPPED_LEVEL).sum())
            block = to_mono(channels)
            self.samples += len(block)
            if self.samples > max_samples:
                raise TooLong(self.limits.max_duration_ms / 1000)
            yield block
        self._judge()

    def frames(self, want: Wanted) -> Iterator[AudioFrame]:
        """Everything that can be decoded, converted, the lead of a video included."""
        converter = _Converter(want)
        for frame in self._decoded():
            for silent in _silence_like(frame, self._gap_s(frame)):
                yield from self._safely(converter.take(silent))
            yield from self._safely(converter.take(frame))
        yield from self._safely(converter.finish())

    def _safely(self, frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
        """Pass over frames of a kind that nothing can convert."""
        try:
            yield from frames
        except FFmpegMemoryError:
            raise
        except (FFmpegError, ValueError):
            self._count_bad()

    def _decoded(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            packet = self._next(packets)
            if packet is None:
                return
            try:
                yield from packet.decode()
            except FFmpegMemoryError:
                raise
            except FFmpegError:
                self._count_bad()

    def _count_bad(self) -> None:
        self._bad_packets += 1
        if self._bad_packets > MAX_BAD_PACKETS:
            raise DecodeFailed("Most of the file is damaged.")

    def _next(
        self, packets: Iterator[Packet[AudioStream]]
    ) -> Packet[AudioStream] | None:
        try:
            return next(packets, None)
        except FFmpegMemoryError:
            raise
        except (FFmpegError, IndexError):  # PyAV fails on streams that come late
            self._broken_off = True
            return None

    def _gap_s(self, frame: AudioFrame) -> Fraction:
        """What is missing before a frame: of damaged parts, and where the sound of a
        video begins after its picture. Kept as silence, so that times stay right.
        """
        length = Fraction(frame.samples, frame.sample_rate)
        expected, first = self._next_start, self._next_start is None
        if frame.pts is None or frame.time_base is None:
            self._next_start = None if expected is None else expected + length
            return Fraction(0)
        start = frame.pts * frame.time_base
        self._next_start = start + length
        if first and self.declared.has_video:
            expected = Fraction(self._container.start_time or 0, av.time_base)
        if expected is None or not MIN_GAP_S <= start - expected <= MAX_GAP_S:
            return Fraction(0)
        self._lost_s += 0 if first else start - expected
        return start - expected

    def _judge(self) -> None:
        if self.samples == 0:
            raise UnsupportedMedia(
                f"The {self.declared.codec} sound in it could not be decoded."
            )
        duration_ms = self.samples * 1000 // SAMPLE_RATE
        if duration_ms < self.limits.min_duration_ms:
            raise TooShort(duration_ms / 1000, self.limits.min_duration_ms / 1000)
        if self._lost_s >= 1:
            self.warnings.append(
                f"{float(self._lost_s):.0f} s within the file could not be decoded "
                "and count as silence."
            )
        elif self._bad_packets:
            self.warnings.append(
                f"{self._bad_packets} damaged parts of the file were left out."
            )
        missing_s = self._missing_s()
        if missing_s:
            self.warnings.append(f"The last {missing_s:.0f} s could not be decoded.")
        elif self._broken_off:
            self.warnings.append("The end of the file could not be decoded.")

    def _missing_s(self) -> float:
        """Announced but not decoded; 0 where no length is announced."""
        declared = self.declared
        announced = announced_ms(self._file, declared.container, declared.duration_ms)
        if announced is None:
            return 0.0
        missing_s = announced / 1000 - self.samples / SAMPLE_RATE
        return missing_s if missing_s > max(1.0, announced / 100_000) else 0.0


class _Converter:
    """Frames of any kind to frames of one kind.

    The kind of frame may change on the way (chained streams, broadcast records).
    """

    def __init__(self, want: Wanted) -> None:
        self._want = want
        self._kind: tuple[str, str, int] | None = None
        self._inner = self._new()

    def take(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.finish()
            self._inner, self._kind = self._new(), kind
        yield from self._inner.resample(frame)

    def finish(self) -> Iterator[AudioFrame]:
        if self._kind is not None:
            yield from self._inner.resample(None)

    def _new(self) -> av.AudioResampler:
        return av.AudioResampler(
            format=self._want.format,
            layout=self._want.layout,
            rate=self._want.rate,
            frame_size=self._want.samples,
        )


def blocks(
    path: Path, limits: DecodeLimits = DEFAULT_LIMITS
) -> Iterator[NDArray[np.float32]]:
    """Mono float32 samples of a file at 8 kHz, in blocks of at most 10 s."""
    with path.open("rb") as file, AudioFile(file, limits, name=path.name) as audio:
        yield from audio.blocks()


def to_mono(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the channels, or the louder one where that mean cancels."""
    left: NDArray[np.float32] = channels[0]
    if len(channels) == 1:
        return left
    right: NDArray[np.float32] = channels[1]
    mid: NDArray[np.float32] = (left + right) * np.float32(0.5)
    side = (left - right) * np.float32(0.5)
    if np.dot(side, side) <= CANCELLING * np.dot(mid, mid):
        return mid
    return left if np.dot(left, left) >= np.dot(right, right) else right


def _samples(frame: AudioFrame) -> NDArray[np.float32]:
    samples = np.asarray(frame.to_ndarray(), dtype=np.float32)
    if np.isfinite(samples).all():
        return np.clip(samples, -MAX_LEVEL, MAX_LEVEL)
    finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(finite, -MAX_LEVEL, MAX_LEVEL)


def _silence_like(frame: AudioFrame, length_s: Fraction) -> Iterator[AudioFrame]:
    """Silent frames of the kind of ``frame``."""
    left = round(length_s * frame.sample_rate)
    middle = 0x80 if frame.format.name.startswith("u8") else 0
    while left > 0:
        part = min(left, frame.sample_rate)
        silent = AudioFrame(
            format=frame.format.name, layout=frame.layout.name, samples=part
        )
        silent.sample_rate = frame.sample_rate
        for plane in silent.planes:
            plane.update(bytes([middle]) * plane.buffer_size)
        yield silent
        left -= part


def _refuse_nested(url: str, flags: int, options: dict[str, str]) -> BinaryIO:
    raise PermissionError("A media file may not open another file.")


def _open(source: _Source) -> InputContainer:
    """The container, able to read nothing but the file itself."""
    try:
        return av.open(
            source,
            mode="r",
            container_options={
                "protocol_whitelist": "none",
                "format_whitelist": FORMATS,
            },
            metadata_errors="replace",
            io_open=_refuse_nested,
        )
    except FFmpegMemoryError:
        raise
    except (FFmpegError, ValueError) as error:
        if source.size == 0:
            raise UnsupportedMedia("The file is empty.") from None
        reason = getattr(error, "strerror", None) or "unknown content"
        raise UnsupportedMedia(
            f"It is no media file that can be read ({reason})."
        ) from error
    except PermissionError as error:
        raise UnsupportedMedia(str(error)) from error


def _first_audio(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise UnsupportedMedia("It has no sound track.")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise UnsupportedMedia("The codec of its sound is not known.")
    stream.codec_context.thread_count = 1
    return stream


def _declared(container: InputContainer, stream: AudioStream) -> Declared:
    return Declared(
        container=container.format.name,
        codec=stream.codec_context.name,
        sample_rate=stream.sample_rate or 0,
        channels=stream.channels or 0,
        bit_rate=stream.bit_rate or container.bit_rate or None,
        duration_ms=_duration_ms(container, stream),
        has_video=any(
            not video.disposition & Disposition.attached_pic
            for video in container.streams.video
        ),
        tags=_tags(container, stream),
    )


def _duration_ms(container: InputContainer, stream: AudioStream) -> int | None:
    if stream.duration is not None and stream.time_base is not None:
        return round(1000 * stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration * 1000 // av.time_base
    return None


def _tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    both = {**stream.metadata, **container.metadata}
    return {
        key[:MAX_TAG_CHARS]: value[:MAX_TAG_CHARS]
        for key, value in sorted(both.items())[:MAX_TAGS]
    }
