"""Decode a media file to mono samples at 8 kHz, block by block.

Meant to run in the confined child process (see ``analysis``), because the file is
untrusted. Memory use does not grow with the length of the file.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

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

from recognition.audio.convert import Converter, Wanted, silence_like
from recognition.audio.extents import (
    OVERLAP_S,
    Extent,
    HeardInterval,
    TrackSound,
    heard,
)
from recognition.audio.formats import FORMATS, read_at
from recognition.audio.lengths import (
    OF_FILE,
    announced_ms,
    ends_early,
    lacks_index,
    states_length,
)
from recognition.audio.mono import mono_block
from recognition.audio.sources import ByteSection, Source, begin_of, sections_of
from recognition.audio.streams import Turns, in_order, name_of
from recognition.audio.timeline import MOST_DRIFT_S, Timed, Timeline
from recognition.audio.transport import ScrambledSeconds, ScrambledSound
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
# A file with more damaged packets than this, and more than whole ones, is given up.
MAX_BAD_PACKETS: Final = 10_000
SHORT_FORMATS: Final = frozenset({"u8", "u8p", "s16", "s16p"})
# Lossless codecs, whose samples of more than 16 bits carry information.
EXACT: Final = ("pcm", "flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd")
# What macOS writes beside a file where it cannot keep its notes in it: ``._name``.
APPLE_DOUBLE: Final = b"\x00\x05\x16\x07"
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
        surveys: dict[int, list[Extent]] | None = None,
        headers_only: bool = False,
    ) -> None:
        """``track`` is the number of a sound track, from 1; None for all that is heard.

        ``surveys`` are those of the same file, if it was opened before. With
        ``headers_only``, nobody asks for its sound.
        """
        self._file = file
        self.name = name
        self._track = track
        self.surveys = {} if surveys is None else surveys
        self._headers_only = headers_only
        self.limits = limits
        self._size = file.seek(0, io.SEEK_END)
        self._sections = sections_of(file)
        self._begun = 0
        self._lost_s = 0.0
        self._scrambled = ScrambledSeconds()
        self._others_end_s = 0.0
        self._packets = 0
        self._bad_packets = 0
        self._broken_off = False
        self._unread = 0
        self.samples = 0
        self.clipped = 0
        self.undecoded_ms = 0
        self.warnings: list[str] = []
        self.tracks: tuple[str, ...] = ()
        self.main = 0
        self.sounds: dict[int, TrackSound] = {}
        self._open(0)
        try:
            self.declared = _declared(self._container, self._stream, self._streams)
            _refuse_claims(self.declared, self._size, limits)
        except BaseException:
            self._container.close()
            raise

    def _open(self, number: int) -> None:
        """Go on with a section of the file; the one before is closed."""
        self._open_container(number)
        try:
            if number not in self.surveys and self._needs_survey():
                self.surveys[number] = self._survey()
                self._container.close()
                self._open_container(number)
            self._choose(self.surveys.get(number))
        except BaseException:
            self._container.close()
            raise

    def _open_container(self, number: int) -> None:
        self._source = Source(self._file, self._sections[number], self.name)
        self._container = _open(self._source, self._file)
        self._source.end_step()

    def _needs_survey(self) -> bool:
        if self._headers_only:
            return False
        is_beside = self._track is not None and len(self._sections) > 1
        return is_beside or len(self._container.streams.audio) > 1

    def _survey(self) -> list[Extent]:
        """Return where each track of the section has sound, without decoding it."""
        streams = self._container.streams.audio
        extents = {stream.index: Extent() for stream in streams}
        units = {stream.index: float(stream.time_base or 0) for stream in streams}
        for packet in self._read_packets(streams):
            if packet.size:
                index = packet.stream.index
                length_s = (packet.duration or 0) * units[index]
                extents[index].add(_time_s(packet), length_s)
        return [*extents.values()]

    def _choose(self, extents: list[Extent] | None) -> None:
        """Choose the tracks of the section that are heard, and when.

        Another section may have more tracks, or the main one at another place.
        """
        streams = self._container.streams.audio
        order = in_order(self._container, extents)
        self.main = self.main or order[0] + 1
        places = [place for place in range(len(streams)) if place != order[0]]
        places.insert(self.main - 1, order[0])
        if len(places) > len(self.tracks):
            names = (name_of(streams[place], MAX_TAG_CHARS) for place in places)
            self.tracks = tuple(names)
        self._numbers = {place: number for number, place in enumerate(places, 1)}
        self._stream = streams[order[0]]
        self._heard: list[HeardInterval] = []
        chosen = order[:1]
        if self._track is not None:
            chosen = [place for place in order if self._numbers[place] == self._track]
            if not chosen and len(self._sections) == 1:
                raise UnsupportedMedia("The file has no such sound track.")
        elif extents is not None:
            self._heard = heard(order, extents)
            chosen = list({one.track: None for one in self._heard}) or chosen
        self._streams = [streams[place] for place in chosen]
        for stream in self._streams:
            stream.codec_context.thread_count = 1

    @property
    def _section(self) -> ByteSection:
        return self._sections[self._begun]

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
        streams = [self._stream, *self._streams]
        is_mono = all(stream.channels == 1 for stream in streams)
        return "mono" if is_mono else "stereo"

    @property
    def exact_format(self) -> str:
        """The planar integer format that holds the samples exactly: 16 or 32 bits."""
        # A track that begins late has no format before it is decoded.
        form = self._stream.codec_context.format
        short = form is not None and form.name in SHORT_FORMATS
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
        for gap_s, frame in self._place_frames():
            if gap_s:
                for silent in silence_like(frame, gap_s):
                    yield from self._converted(converter, silent)
            yield from self._converted(converter, frame)
        yield from self._converted(converter, None)

    def _place_frames(self) -> Iterator[tuple[float, AudioFrame]]:
        """Yield the frames of all links, with the seconds of silence before each."""
        placed_s = behind_s = 0.0
        for numbers in self._links():
            opened = next((one for one in numbers if self._open_link(one)), None)
            if opened is None:
                continue
            origin_s, begin_s = self._origin_s(), placed_s
            shift_s = begin_s - (origin_s or 0.0)
            timeline: Timeline[AudioFrame] = Timeline(origin_s)
            following = [one for one in numbers if one > opened]
            for gap_s, frame in timeline.place(self._timed(following, shift_s)):
                placed_s += behind_s + gap_s + frame.samples / frame.sample_rate
                yield behind_s + gap_s, frame
                behind_s = 0.0
            self._lost_s += timeline.lost_s
            if self._track is not None:
                # The next link begins when all tracks of this one have ended.
                behind_s = max(0.0, self._end_s() + shift_s - placed_s)

    def _links(self) -> Iterator[list[int]]:
        """Yield the sections of each link: those whose clock goes on."""
        numbers: list[int] = []
        for number, section in enumerate(self._sections):
            if numbers and not section.continues:
                yield numbers
                numbers = []
            numbers.append(number)
        yield numbers

    def _open_link(self, number: int) -> bool:
        """Go on with a section, and return whether it can be read."""
        self._begun = number
        if number == 0:
            return True
        self._container.close()
        try:
            self._open(number)
        except UnsupportedMedia:
            self._unread += 1
            return False
        return True

    def _origin_s(self) -> float | None:
        """Return when the link begins: its first packets may give no sound, and its
        sound may begin after its picture, or after that of another track.
        """
        streams = self._container.streams
        if _has_video(self._container) or len(streams.audio) > 1:
            origin_s = (self._container.start_time or 0) / av.time_base
        elif self._stream.start_time is None or self._stream.time_base is None:
            return None
        else:
            origin_s = float(self._stream.start_time * self._stream.time_base)
        return min([origin_s, *(one.begin_s for one in self._scrambled_sounds())])

    def _scrambled_sounds(self) -> list[ScrambledSound]:
        pids = {stream.id for stream in self._streams}
        return [one for one in self._section.scrambled if one.pid in pids]

    def _note_tracks(self, shift_s: float) -> None:
        """Note how much sound each track has, and when another than the main is heard.

        ``shift_s`` brings the clock of the link to the time of the file.
        """
        for place, extent in enumerate(self.surveys.get(self._begun, [])):
            number = self._numbers[place]
            heard_s = [one for one in self._heard if one.track == place]
            track = self.sounds.setdefault(number, TrackSound())
            track.length_s += extent.length_s
            track.unheard_s += extent.length_s_without(heard_s)
            if number != self.main:
                track.fills_s += [
                    (one.start_s + shift_s, one.end_s + shift_s) for one in heard_s
                ]

    def _end_s(self) -> float:
        """Return when the last track of the current section ends."""
        extents = self.surveys.get(self._begun, [])
        return max((one.end_s for one in extents if one.intervals), default=0.0)

    def _timed(
        self, following: Iterable[int], shift_s: float
    ) -> Iterator[Timed[AudioFrame]]:
        """Yield the frames of a link with their times, from its opened section on."""
        end_s: float | None = None
        for number in (self._begun, *following):
            if number == self._begun or self._open_link(number):
                self._note_tracks(shift_s)
                end_s = yield from self._timed_section(end_s)
        self._scrambled.note_end(self._scrambled_sounds(), end_s)

    def _timed_section(
        self, end_s: float | None
    ) -> Generator[Timed[AudioFrame], None, float | None]:
        """Yield the frames of a section, and return when its sound ends.

        ``end_s`` is when that of the section before ended, which may reach into this.
        """
        may_cut = self._container.format.name == "mpegts"
        scrambled = self._scrambled_sounds()
        place, is_join = 0, end_s is not None
        for packet, frame in self._decode_packets():
            refuse_shape(frame.sample_rate, frame.layout.nb_channels)
            start_s, is_cut = frame.time, False
            length_s = frame.samples / frame.sample_rate
            before, place = place, max(place, packet.pos or 0)
            if may_cut and start_s is not None:
                ahead_s = 0.0 if end_s is None else end_s - start_s
                if is_join and length_s / 2 < ahead_s < OVERLAP_S:
                    continue
                # A mark where sound begins says nothing of the clock.
                may_mark = not is_join or packet.stream.id not in self._section.fresh
                is_cut = (
                    abs(ahead_s) > MOST_DRIFT_S
                    and may_mark
                    and self._source.has_cut_between(before, place)
                )
                self._scrambled.note(scrambled, end_s, start_s)
                is_join, end_s = False, start_s + length_s
            yield Timed(frame, start_s, length_s, is_cut)
        return end_s

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
        packets = self._read_packets(self._streams)
        if len(self._streams) > 1:
            yield from self._decode_in_turns(packets)
            return
        for packet in packets:
            for frame in self._frames_of(packet):
                yield packet, frame

    def _decode_in_turns(
        self, packets: Iterable[Packet[Stream]]
    ) -> Iterator[tuple[Packet[Stream], AudioFrame]]:
        """Yield the frames of tracks that are heard in turns."""
        turns = Turns(self._heard)
        streams = self._container.streams.audio
        tracks = {stream.index: place for place, stream in enumerate(streams)}
        timed = (
            (tracks[packet.stream.index], _time_s(packet), packet) for packet in packets
        )
        for turn, packet in turns.ordered(timed):
            for frame in self._frames_of(packet):
                middle_s = frame.samples / frame.sample_rate / 2
                if frame.time is None or turns.is_heard(turn, frame.time + middle_s):
                    yield packet, frame

    def _frames_of(self, packet: Packet[Stream]) -> Iterator[AudioFrame]:
        self._packets += 1
        try:
            yield from cast("AudioStream", packet.stream).decode(packet)
        except FFmpegMemoryError:
            raise
        except FFmpegError:
            self._count_bad()

    def _read_packets(self, streams: Sequence[Stream]) -> Iterator[Packet[Stream]]:
        """Yield the packets of some streams, and note how far the others reach."""
        is_of_file = self._container.format.name in OF_FILE
        indexes = {stream.index for stream in streams}
        packets = self._container.demux(*([] if is_of_file else streams))
        while indexes:
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
            if packet.stream.index in indexes:
                yield packet
            else:
                self._note_end(packet)

    def _note_end(self, packet: Packet[Stream]) -> None:
        """Note how far the picture and other streams reach."""
        if packet.pts is not None and packet.time_base is not None:
            begins_s = (self._container.start_time or 0) / av.time_base
            end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self._others_end_s = max(self._others_end_s, end_s - begins_s)

    def _count_bad(self) -> None:
        self._bad_packets += 1
        if self._bad_packets > max(MAX_BAD_PACKETS, self._packets // 2):
            raise DecodeFailed("Most of the file is damaged.")

    def _judge(self) -> None:
        duration_ms = self.samples * 1000 // SAMPLE_RATE
        if duration_ms < self.limits.min_duration_ms:
            self._refuse(duration_ms)
        self.warnings += self._scrambled.warnings()
        lost_s = self._lost_s - self._scrambled.within_s
        # Where scrambling begins or ends, a packet is damaged.
        damaged = self._bad_packets - 2 * sum(
            len(sound.intervals)
            for section in self._sections
            for sound in section.scrambled
        )
        if lost_s >= 1:
            self.warnings.append(
                f"{lost_s:.0f} s within the file could not be decoded "
                "and count as silence."
            )
        elif damaged > 0:
            places = "place in the file was"
            if damaged > 1:
                places = "places in the file were"
            self.warnings.append(f"{damaged} damaged {places} skipped.")
        missing_s = self._missing_s()
        if self._unread:
            self.warnings.append("A later part of the file could not be read.")
        if missing_s:
            self.warnings.append(f"The last {missing_s:.0f} s could not be decoded.")
        elif self._broken_off or self._ends_early():
            self.warnings.append("The end of the file could not be decoded.")
        # A header may announce any length.
        room_ms = max(0, self.limits.max_duration_ms - duration_ms)
        lacking_ms = round(1000 * (missing_s or self._scrambled.last_s))
        self.undecoded_ms = min(lacking_ms, room_ms)

    def _refuse(self, duration_ms: int) -> None:
        """Say why there is so little sound."""
        if any(one.scrambled for one in self._sections):
            raise UnsupportedMedia(
                "Its sound is scrambled, as that of pay television is: record it again "
                "with a receiver that decodes it."
            )
        if self.samples == 0 and (self._bad_packets or self._broken_off):
            raise UnsupportedMedia(
                f"The {self.declared.codec} sound in it could not be decoded."
            )
        raise TooShort(duration_ms / 1000, self.limits.min_duration_ms / 1000)

    def _ends_early(self) -> bool:
        begin = begin_of(self._file)
        return ends_early(self._file, self.declared.container, begin=begin)

    @property
    def states_length(self) -> bool:
        """Whether the file says how long it is, so that a missing end is noticed."""
        stated = self.declared
        begin = begin_of(self._file)
        return states_length(
            self._file, stated.container, stated.duration_ms, begin=begin
        )

    def _missing_s(self) -> float:
        """Return the seconds announced but not decoded; 0 if no length is announced."""
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
        if source.size == 0:
            raise UnsupportedMedia("The file is empty.") from None
        raise UnsupportedMedia(_why_unreadable(file)) from error
    except PermissionError as error:
        raise UnsupportedMedia(str(error)) from error


def _why_unreadable(file: BinaryIO) -> str:
    """Return what is wrong with a file that FFmpeg does not recognise."""
    if lacks_index(file):
        return "The file is cut off: the index of its sound is missing."
    if read_at(file, 0, len(APPLE_DOUBLE)) == APPLE_DOUBLE:
        return "The file holds what macOS notes beside a file, and no sound."
    return "This is not an audio or video file."


def _declared(
    container: InputContainer, stream: AudioStream, others: Collection[AudioStream]
) -> Declared:
    """Return what headers say of the main track, and of the length of all that is heard."""
    tags = {**stream.metadata, **container.metadata}
    lengths = [_duration_ms(container, one) for one in (stream, *others)]
    return Declared(
        container=container.format.name,
        codec=stream.codec_context.name,
        sample_rate=stream.sample_rate or 0,
        channels=stream.channels or 0,
        bit_rate=stream.bit_rate or container.bit_rate or None,
        duration_ms=max((one for one in lengths if one is not None), default=None),
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


def _time_s(packet: Packet[Stream]) -> float | None:
    stamp = packet.dts if packet.pts is None else packet.pts
    if stamp is None or packet.time_base is None:
        return None
    return stamp * packet.time_base.numerator / packet.time_base.denominator


def _duration_ms(container: InputContainer, stream: AudioStream) -> int | None:
    if stream.duration is not None and stream.time_base is not None:
        return round(1000 * stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration * 1000 // av.time_base
    return None
