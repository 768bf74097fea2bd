"""Decode a media file to mono samples at 8 kHz, block by block.

Meant to run in the confined child process (see ``analysis``), because the file is
untrusted. Memory use does not grow with the length of the file.
"""

from __future__ import annotations

import io
import re
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
from av.stream import Disposition, Stream
from numpy.typing import NDArray

from recognition.audio.convert import Converter, Wanted, paced, silence_like
from recognition.audio.formats import FORMATS
from recognition.audio.lengths import (
    OF_FILE,
    announced_ms,
    is_complete,
    states_length,
)
from recognition.audio.mono import mono_block
from recognition.audio.sources import ByteSection, Source, begin_of, sections_of
from recognition.audio.timeline import MOST_DRIFT_S, WINDOW_S, Placed, Timed, Timeline
from recognition.audio.unreadable import (
    ZEROS,
    begins_with_zeros,
    refuse_locked,
    refuse_other_content,
    why_unreadable,
)
from recognition.errors import DecodeFailed, TooLong, TooShort, UnsupportedMedia
from recognition.limits import (
    DEFAULT_LIMITS,
    MAX_CHANNELS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    DecodeLimits,
)

SAMPLE_RATE: Final = 8000
BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE
# Samples of all channels that wait for their place: 64 MB.
MAX_WAITING: Final = 1 << 24
# A file with more damaged packets than this, and more than whole ones, is given up.
MAX_BAD_PACKETS: Final = 10_000
SHORT_FORMATS: Final = frozenset({"u8", "u8p", "s16", "s16p"})
# Lossless codecs, whose samples of more than 16 bits carry information.
EXACT: Final = ("pcm", "flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd")
NOT_MAIN: Final = (
    Disposition.comment
    | Disposition.visual_impaired
    | Disposition.hearing_impaired
    | Disposition.descriptions
)
# What a title says of a track beside the main one; many programs set no mark.
BESIDE: Final = re.compile(
    r"comm?enta|kommenta|audio.?des[ck]ri|descripti(on|ve)|described|hörfilm", re.I
)
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


class AudioFile:
    """The sound of an open file, of all its links; a context manager.

    When ``blocks`` has ended, ``samples`` (at 8 kHz), ``clipped`` (samples at full
    scale), ``undecoded_ms`` (announced, but missing at the end) and ``warnings`` describe
    the sound. ``tracks`` names its sound tracks, and ``main`` is the number of this one.
    """

    def __init__(
        self,
        file: BinaryIO,
        limits: DecodeLimits,
        *,
        name: str = "",
        track: int | None = None,
    ) -> None:
        """``track`` is the number of a sound track, from 1; None for the main one."""
        self._file = file
        self.name = name
        self._track = track
        self.limits = limits
        self._size = file.seek(0, io.SEEK_END)
        self._sections = sections_of(file)
        self._begun = 0
        self._lost_s = 0.0
        self._others_end_s = 0.0
        self._stated_end = 0
        self._packets = 0
        self._bad_packets = 0
        self._broken_off = False
        self._unread = 0
        self._lacks_begin = False
        self.samples = 0
        self.clipped = 0
        self.undecoded_ms = 0
        self.warnings: list[str] = []
        self._open_first()
        try:
            self.tracks = _track_names(self._container)
            self.main = self._container.streams.audio.index(self._stream) + 1
            self.declared = _declared(self._container, self._stream)
            refuse_locked(file, self.declared.container, self.main)
            _refuse_claims(self.declared, self._size, limits)
        except BaseException:
            self._container.close()
            raise

    def _open_first(self) -> None:
        """Open the first section, or the second one if that alone can be read."""
        try:
            self._open(self._sections[0])
        except UnsupportedMedia:
            if len(self._sections) == 1:
                raise
            del self._sections[0]
            self._lacks_begin = True
            self._open(self._sections[0])

    def _open(self, section: ByteSection) -> None:
        """Go on with a section of the file; the one before is closed."""
        self._source = Source(self._file, section, self.name)
        self._container = _open(self._source, self._file)
        try:
            self._source.end_step()
            self._stream = audio_stream(self._container, self._track)
        except UnsupportedMedia:
            self._container.close()
            refuse_other_content(self._file)
            raise
        except BaseException:
            self._container.close()
            raise

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
        before = sum(
            end - begin
            for section in self._sections[: self._begun]
            for begin, end in section.ranges
        )
        return min(1.0, (before + self._source.tell()) / max(1, self._size))

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
        for gap_s, frame, paced_s in self._place_frames():
            if gap_s:
                for silent in silence_like(frame, gap_s):
                    yield from self._converted(converter, silent)
            for part in paced(frame, paced_s) if paced_s else (frame,):
                yield from self._converted(converter, part)
        yield from self._converted(converter, None)

    def _place_frames(self) -> Iterator[Placed[AudioFrame]]:
        """Yield the frames of all links in their places."""
        for number, section in enumerate(self._sections):
            self._begun = number
            if number and not self._open_link(section):
                continue
            timeline: Timeline[AudioFrame] = Timeline(
                self._origin_s(), self._window_s()
            )
            yield from timeline.place(self._timed())
            self._lost_s += timeline.lost_s

    def _open_link(self, section: ByteSection) -> bool:
        """Go on with a later link, and return whether it can be read."""
        self._container.close()
        try:
            self._open(section)
        except UnsupportedMedia:
            self._unread += 1
            return False
        return True

    def _origin_s(self) -> float | None:
        """Return when the link begins: its first packets may give no sound, and its
        sound may begin after its picture.
        """
        if _has_video(self._container):
            return (self._container.start_time or 0) / av.time_base
        if self._stream.start_time is None or self._stream.time_base is None:
            return None
        return float(self._stream.start_time * self._stream.time_base)

    def _window_s(self) -> float:
        """Return how long frames may wait: less if their samples would fill the memory."""
        rate = self._stream.sample_rate or MIN_SAMPLE_RATE
        return min(WINDOW_S, MAX_WAITING / (rate * max(1, self._stream.channels)))

    def _timed(self) -> Iterator[Timed[AudioFrame]]:
        """Yield the frames of the current link with their times."""
        may_cut = self._container.format.name == "mpegts"
        # Of a dump that begins in mid-link, FFmpeg counts from 0 until a page of FLAC
        # says where it is.
        may_begin_late = (
            bool(self._sections[self._begun].head)
            and self._stream.codec_context.name == "flac"
        )
        place, end_s = 0, 0.0
        for packet, frame in self._decode_packets():
            refuse_shape(frame.sample_rate, frame.layout.nb_channels)
            start_s, is_cut = frame.time, False
            length_s = frame.samples / frame.sample_rate
            before, place = place, max(place, packet.pos or 0)
            if (may_cut or may_begin_late) and start_s is not None:
                if abs(start_s - end_s) > MOST_DRIFT_S:
                    is_cut = may_begin_late or self._source.has_cut_between(
                        before, place
                    )
                    may_begin_late = False
                end_s = start_s + length_s
            yield Timed(frame, start_s, length_s, is_cut)

    def _converted(
        self, converter: Converter, frame: AudioFrame | None
    ) -> list[AudioFrame]:
        """Return what a frame completes, or the rest after the last frame.

        What cannot be converted is left out.
        """
        try:
            return converter.finish() if frame is None else converter.take(frame)
        except FFmpegMemoryError:
            raise
        except (FFmpegError, ValueError):
            self._count_bad()
            return []

    def _decode_packets(self) -> Iterator[tuple[Packet[Stream], AudioFrame]]:
        is_of_file = self._container.format.name in OF_FILE
        packets = self._container.demux(*([] if is_of_file else [self._stream]))
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
            if packet.stream is not self._stream:
                self._others_end_s = max(self._others_end_s, self._end_s(packet))
                continue
            if packet.pts is not None and packet.duration:
                self._stated_end = max(self._stated_end, packet.pts + packet.duration)
            self._packets += 1
            try:
                for frame in self._stream.decode(packet):
                    yield packet, frame
            except FFmpegMemoryError:
                raise
            except FFmpegError:
                self._count_bad()

    def _end_s(self, packet: Packet[Stream]) -> float:
        """Return how far a packet reaches, as its container states it."""
        if packet.pts is None or packet.time_base is None:
            return 0.0
        return self._after_begin_s(
            packet.pts + (packet.duration or 0), packet.time_base
        )

    def _after_begin_s(self, at: int, time_base: Fraction) -> float:
        begins_s = (self._container.start_time or 0) / av.time_base
        return float(at * time_base) - begins_s

    def _count_bad(self) -> None:
        self._bad_packets += 1
        if self._bad_packets > max(MAX_BAD_PACKETS, self._packets // 2):
            refuse_other_content(self._file)
            raise DecodeFailed("Most of the file is damaged.")

    def _judge(self) -> None:
        self._refuse_silence()
        if self._lost_s >= 1:
            self.warnings.append(
                f"{self._lost_s:.0f} s within the file could not be decoded "
                "and count as silence."
            )
        elif self._bad_packets:
            places = "place in the file was"
            if self._bad_packets > 1:
                places = "places in the file were"
            self.warnings.append(f"{self._bad_packets} damaged {places} skipped.")
        if self._lacks_begin:
            self.warnings.append("The beginning of the file could not be read.")
        if begins_with_zeros(self._file):
            self.warnings.append(ZEROS)
        if self._unread:
            self.warnings.append("A later part of the file could not be read.")
        self._judge_end()

    def _refuse_silence(self) -> None:
        """Raise if too little sound could be decoded, and say why if that is known."""
        duration_ms = self.samples * 1000 // SAMPLE_RATE
        if duration_ms >= self.limits.min_duration_ms:
            return
        refuse_other_content(self._file)
        if self.samples == 0 and (self._bad_packets or self._broken_off):
            raise UnsupportedMedia(
                f"The {self.declared.codec} sound in it could not be decoded."
            )
        raise TooShort(duration_ms / 1000, self.limits.min_duration_ms / 1000)

    def _judge_end(self) -> None:
        """Warn if sound is missing at the end."""
        whole = is_complete(
            self._file, self.declared.container, begin=begin_of(self._file)
        )
        missing_s = self._missing_s(whole)
        if missing_s:
            # A header may announce any length.
            room_ms = self.limits.max_duration_ms - self.samples * 1000 // SAMPLE_RATE
            self.undecoded_ms = min(round(1000 * missing_s), max(0, room_ms))
            self.warnings.append(f"The last {missing_s:.0f} s could not be decoded.")
        elif self._broken_off or whole is False:
            self.warnings.append("The end of the file could not be decoded.")

    @property
    def states_length(self) -> bool:
        """Whether the file says how long it is, so that a missing end is noticed."""
        stated = self.declared
        begin = begin_of(self._file)
        return states_length(
            self._file, stated.container, stated.duration_ms, begin=begin
        )

    def _missing_s(self, whole: bool | None) -> float:
        """Return the seconds announced but not decoded; 0 if no length is announced.

        Headers announce wrong lengths, too. If the packets read explain the length, or
        all of a complete file was decoded, nothing is missing.
        """
        if whole and not self._bad_packets and not self._broken_off:
            return 0.0
        declared = self.declared
        announced = announced_ms(
            self._file,
            declared.container,
            declared.duration_ms,
            begin=begin_of(self._file),
            held_ms=self.samples * 1000 // SAMPLE_RATE,
        )
        if announced is None:
            return 0.0
        # Sound may end before the picture.
        end_s = max(self.samples / SAMPLE_RATE, self._others_end_s)
        if self._stream.time_base is not None:
            stated_s = self._after_begin_s(self._stated_end, self._stream.time_base)
            end_s = max(end_s, stated_s)
        if announced / 1000 - end_s <= max(1.0, announced / 100_000):
            return 0.0
        return announced / 1000 - self.samples / SAMPLE_RATE


def blocks(
    # For benchmarks and tests, which trust their files.
    path: Path,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Iterator[NDArray[np.float32]]:
    """Yield mono float32 samples of a trusted file at 8 kHz, in blocks of at most 10 s."""
    with path.open("rb") as file, AudioFile(file, limits, name=path.name) as audio:
        yield from audio.blocks()


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


def _open(source: Source, file: BinaryIO) -> InputContainer:
    source.begin_step()
    try:
        return open_container(source)
    except FFmpegMemoryError:
        raise
    except (FFmpegError, ValueError) as error:
        source.end_step()
        raise UnsupportedMedia(why_unreadable(file)) from error
    except PermissionError as error:
        raise UnsupportedMedia(str(error)) from error


def first_audio(container: InputContainer) -> AudioStream:
    """Return the main audio stream; raises ``UnsupportedMedia`` without one.

    That is the one marked as default, unless it is marked as a commentary or audio
    description, or called one; else the first.
    """
    return audio_stream(container, None)


def audio_stream(container: InputContainer, track: int | None) -> AudioStream:
    """Return an audio stream by its number from 1, the main one if that is None."""
    streams = container.streams.audio
    if not streams:
        raise UnsupportedMedia("The file has no audio stream.")
    if track is None:
        stream = min(streams, key=_rank)
    elif track <= len(streams):
        stream = streams[track - 1]
    else:
        raise UnsupportedMedia("The file has no such sound track.")
    if stream.codec_context is None:
        raise UnsupportedMedia("The audio codec is unknown.")
    stream.codec_context.thread_count = 1
    return stream


def _rank(stream: AudioStream) -> tuple[bool, bool, bool, int]:
    """Return the sort key of a stream: the main one is first."""
    marks = stream.disposition
    return (
        stream.codec_context is None,
        bool(marks & NOT_MAIN) or bool(BESIDE.search(title_of(stream))),
        not marks & Disposition.default,
        stream.index,
    )


def title_of(stream: AudioStream) -> str:
    """Return what a track is called; empty if nobody named it."""
    return stream.metadata.get("title", "")


def _track_names(container: InputContainer) -> tuple[str, ...]:
    """Return title and language of each sound track; empty where neither is stated."""
    parts = (
        (title_of(stream), stream.metadata.get("language", ""))
        for stream in container.streams.audio
    )
    return tuple(
        ", ".join(part for part in pair if part and part != "und")[:MAX_TAG_CHARS]
        for pair in parts
    )


def _declared(container: InputContainer, stream: AudioStream) -> Declared:
    tags = {**stream.metadata, **container.metadata}
    return Declared(
        container=container.format.name,
        codec=stream.codec_context.name,
        sample_rate=stream.sample_rate or 0,
        channels=stream.channels or 0,
        bit_rate=stream.bit_rate or container.bit_rate or None,
        duration_ms=_duration_ms(container, stream),
        has_video=_has_video(container),
        tags={
            key[:MAX_TAG_CHARS]: value[:MAX_TAG_CHARS]
            for key, value in sorted(tags.items())[:MAX_TAGS]
        },
    )


def _has_video(container: InputContainer) -> bool:
    return any(
        not video.disposition & Disposition.attached_pic
        for video in container.streams.video
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
