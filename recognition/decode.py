"""Decode a media file to mono samples at 8 kHz, block by block.

Meant to run in the confined child process (see ``analysis``), because the file is
untrusted. Memory use does not grow with the length of the file.
"""

from __future__ import annotations

import io
import time
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
from av.stream import Disposition
from numpy.typing import NDArray

from recognition.errors import DecodeFailed, TooLong, TooShort, UnsupportedMedia
from recognition.formats import FORMATS, OGG_PAGE, announced_ms, repeated_headers
from recognition.limits import (
    DEFAULT_LIMITS,
    MAX_CHANNELS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    DecodeLimits,
)

SAMPLE_RATE: Final = 8000
BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE
# If side (L − R) has this many times the power of mid (L + R), the channels are in
# opposite phase and their mean would cancel.
CANCELLING: Final = 4.0
CLIPPED_LEVEL: Final = 0.99
MAX_LEVEL: Final = 8.0
# Some file systems refuse to seek further; no media file is that long.
MAX_POSITION: Final = 1 << 43
# Shorter gaps are rounding of timestamps; longer ones are broken timestamps.
MIN_GAP_S: Final = Fraction(1, 5)
MAX_GAP_S: Final = 60
MAX_BAD_PACKETS: Final = 10_000
# Bounds hostile headers; opening a 48-hour film takes two seconds.
MAX_STEP_CPU_S: Final = 20.0
SHORT_FORMATS: Final = frozenset({"u8", "u8p", "s16", "s16p"})
# Lossless codecs, whose samples of more than 16 bits carry information.
EXACT: Final = ("pcm", "flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd")
MAX_TAGS: Final = 64
MAX_TAG_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Declared:
    """What the headers say about the sound, before decoding."""

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
    """The format that decoded frames are converted to; ``samples`` is their length."""

    format: str
    layout: str
    rate: int
    samples: int


class _Source:
    """The file object that FFmpeg reads; impossible seeks fail quietly.

    ``name`` carries the suffix, by which FFmpeg recognises some formats.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.tell = file.tell
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self._step_ends = 0.0
        self._is_over = False
        self._hidden: int | None = None

    def hide_repeated_headers(self) -> bool:
        """Hide the page that repeats the headers from FFmpeg; return whether there is one.

        Without the mark of its beginning, FFmpeg skips the page like a damaged one.
        """
        if self._hidden is None:
            self._hidden = repeated_headers(self._file)
            self._file.seek(0)
            return self._hidden is not None
        return False

    def begin_step(self) -> None:
        """Start the CPU-time limit of one step, such as reading the next packet."""
        self._step_ends = time.process_time() + MAX_STEP_CPU_S

    def end_step(self) -> None:
        """Raise ``DecodeFailed`` if the step used more CPU time than allowed."""
        if self._is_over:
            raise DecodeFailed("The file is damaged: its structure cannot be followed.")

    def read(self, size: int) -> bytes:
        if self._has_spent_step():
            return b""
        at = self.tell()
        data = self._file.read(size)
        if self._hidden is None:
            return data
        low, high = (
            min(max(0, place - at), len(data))
            for place in (self._hidden, self._hidden + len(OGG_PAGE))
        )
        return data[:low] + bytes(high - low) + data[high:]

    def _has_spent_step(self) -> bool:
        """Return whether headers make FFmpeg loop.

        FFmpeg ignores errors then, so reads and seeks report the end of the file.
        """
        self._is_over = self._is_over or time.process_time() > self._step_ends
        return self._is_over

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if self._has_spent_step():
            return -1
        base = {io.SEEK_CUR: self.tell(), io.SEEK_END: self.size}.get(whence, 0)
        possible = 0 <= base + offset <= MAX_POSITION
        return self._file.seek(base + offset) if possible else -1


class AudioFile:
    """The first audio stream of an open file; a context manager.

    When ``blocks`` has ended, ``samples`` (at 8 kHz), ``clipped`` (samples at full
    scale) and ``warnings`` describe the sound.
    """

    def __init__(self, file: BinaryIO, limits: DecodeLimits, *, name: str = "") -> None:
        self._file = file
        self.limits = limits
        self._source = _Source(file, name)
        self._container = _open(self._source)
        try:
            self._source.end_step()
            self._stream = first_audio(self._container)
            self.declared = _declared(self._container, self._stream)
            _refuse_claims(self.declared, self._source.size, limits)
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
        """The planar integer format that holds the samples exactly: 16 or 32 bits."""
        short = self._stream.codec_context.format.name in SHORT_FORMATS
        return "s16p" if short or not self.declared.codec.startswith(EXACT) else "s32p"

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield mono float32 samples at 8 kHz in blocks of at most 10 s.

        Raises ``TooLong`` on the way, ``TooShort`` at the end, and ``UnsupportedMedia``
        if nothing could be decoded.
        """
        max_samples = self.limits.max_duration_ms * SAMPLE_RATE // 1000
        want = Wanted("fltp", self.layout, SAMPLE_RATE, BLOCK_SAMPLES)
        for frame in self.frames(want):
            block, clipped = mono_block(frame)
            self.clipped += clipped
            self.samples += len(block)
            if self.samples > max_samples:
                raise TooLong(self.limits.max_duration_ms / 1000)
            yield block
        self._judge()

    def frames(self, want: Wanted) -> Iterator[AudioFrame]:
        """Yield every decodable frame, converted, with gaps filled by silence."""
        converter = Converter(want)
        for frame in self._decoded():
            refuse_shape(frame.sample_rate, frame.layout.nb_channels)
            for silent in _silence_like(frame, self._gap_s(frame)):
                yield from self._safely(converter.take(silent))
            yield from self._safely(converter.take(frame))
        yield from self._safely(converter.finish())

    def _safely(self, frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
        """Skip frames that cannot be converted."""
        try:
            yield from frames
        except FFmpegMemoryError:
            raise
        except (FFmpegError, ValueError):
            self._count_bad()

    def _decoded(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            self._source.begin_step()
            try:
                packet = next(packets, None)
            except FFmpegMemoryError:
                raise
            # PyAV raises IndexError for streams that appear late
            except (FFmpegError, IndexError):
                self._broken_off = True
                packet = None
            self._source.end_step()
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

    def _gap_s(self, frame: AudioFrame) -> Fraction:
        """Return the seconds missing before a frame, 0 if none.

        Covers damaged intervals, and a video whose sound begins after its picture. The
        caller inserts silence so that times stay right.
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
                f"{self._bad_packets} damaged places in the file were skipped."
            )
        missing_s = self._missing_s()
        if missing_s:
            self.warnings.append(f"The last {missing_s:.0f} s could not be decoded.")
        elif self._broken_off:
            self.warnings.append("The end of the file could not be decoded.")

    def _missing_s(self) -> float:
        """Return the seconds announced but not decoded; 0 if no length is announced."""
        declared = self.declared
        announced = announced_ms(self._file, declared.container, declared.duration_ms)
        if announced is None:
            return 0.0
        missing_s = announced / 1000 - self.samples / SAMPLE_RATE
        return missing_s if missing_s > max(1.0, announced / 100_000) else 0.0


class Converter:
    """Converts frames of any format to one format.

    The input format may change on the way (chained streams, broadcast recordings).
    """

    def __init__(self, want: Wanted) -> None:
        self._want = want
        self._kind: tuple[str, str, int] | None = None
        self._inner = self._new()

    def take(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Yield the frames of the wanted length that this frame completes."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.finish()
            self._inner, self._kind = self._new(), kind
        yield from self._inner.resample(frame)

    def finish(self) -> Iterator[AudioFrame]:
        """Yield the rest, which may be shorter."""
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
    # For benchmarks and tests, which trust their files.
    path: Path,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Iterator[NDArray[np.float32]]:
    """Yield mono float32 samples of a trusted file at 8 kHz, in blocks of at most 10 s."""
    with path.open("rb") as file, AudioFile(file, limits, name=path.name) as audio:
        yield from audio.blocks()


def mono_block(frame: AudioFrame) -> tuple[NDArray[np.float32], int]:
    """Return a planar float frame as mono samples, and how many are at full scale."""
    channels = np.asarray(frame.to_ndarray(), dtype=np.float32)
    if not np.isfinite(channels).all():
        channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0)
    channels = np.clip(channels, -MAX_LEVEL, MAX_LEVEL)
    clipped = int((np.abs(channels).max(axis=0) >= CLIPPED_LEVEL).sum())
    return to_mono(channels), clipped


def to_mono(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the channels, or the louder channel if the mean cancels."""
    left: NDArray[np.float32] = channels[0]
    if len(channels) == 1:
        return left
    right: NDArray[np.float32] = channels[1]
    mid: NDArray[np.float32] = (left + right) * np.float32(0.5)
    side = (left - right) * np.float32(0.5)
    if np.dot(side, side) <= CANCELLING * np.dot(mid, mid):
        return mid
    return left if np.dot(left, left) >= np.dot(right, right) else right


def _silence_like(frame: AudioFrame, length_s: Fraction) -> Iterator[AudioFrame]:
    """Yield silent frames in the format of ``frame``."""
    left = round(length_s * frame.sample_rate)
    # Unsigned 8-bit audio is silent at its middle value.
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


def open_container(source: object) -> InputContainer:
    """Open a file object without access to any other file."""
    return av.open(
        source,
        mode="r",
        container_options={"protocol_whitelist": "none", "format_whitelist": FORMATS},
        metadata_errors="replace",
        io_open=_refuse_nested,
    )


def _open(source: _Source) -> InputContainer:
    source.begin_step()
    try:
        return open_container(source)
    except FFmpegMemoryError:
        raise
    except (FFmpegError, ValueError) as error:
        source.end_step()
        if source.size == 0:
            raise UnsupportedMedia("The file is empty.") from None
        if source.hide_repeated_headers():
            return _open(source)
        raise UnsupportedMedia("This is not an audio or video file.") from error
    except PermissionError as error:
        raise UnsupportedMedia(str(error)) from error


def first_audio(container: InputContainer) -> AudioStream:
    """Return the first audio stream; raises ``UnsupportedMedia`` without one."""
    if not container.streams.audio:
        raise UnsupportedMedia("The file has no audio stream.")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise UnsupportedMedia("The audio codec is unknown.")
    stream.codec_context.thread_count = 1
    return stream


def _declared(container: InputContainer, stream: AudioStream) -> Declared:
    tags = {**stream.metadata, **container.metadata}
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
        tags={
            key[:MAX_TAG_CHARS]: value[:MAX_TAG_CHARS]
            for key, value in sorted(tags.items())[:MAX_TAGS]
        },
    )


def _refuse_claims(declared: Declared, size: int, limits: DecodeLimits) -> None:
    """Refuse a file whose headers claim more than the limits allow."""
    # 0 means unknown; the frames are checked when they arrive.
    refuse_shape(declared.sample_rate or MIN_SAMPLE_RATE, max(1, declared.channels))
    if declared.codec.startswith("pcm") and declared.bit_rate:
        # For uncompressed sound the file size bounds the length.
        longest_ms = size * 8000 // declared.bit_rate
        whole_ms = min(longest_ms, declared.duration_ms or longest_ms)
        if whole_ms > limits.max_duration_ms:
            raise TooLong(limits.max_duration_ms / 1000)


def refuse_shape(sample_rate: int, channels: int) -> None:
    """Raise ``UnsupportedMedia`` for sound that nothing can be matched in."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise UnsupportedMedia(
            f"The file claims {sample_rate} samples a second; "
            f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} can be read."
        )
    if channels > MAX_CHANNELS:
        raise UnsupportedMedia(
            f"The file claims {channels} channels; at most {MAX_CHANNELS} can be read."
        )


def _duration_ms(container: InputContainer, stream: AudioStream) -> int | None:
    if stream.duration is not None and stream.time_base is not None:
        return round(1000 * stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration * 1000 // av.time_base
    return None
