"""An opened section of a file: its sound tracks, which is heard when, and its packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.error import MemoryError as FFmpegMemoryError
from av.packet import Packet
from av.stream import Disposition, Stream

from recognition.audio.extents import Extent, HeardInterval, TrackSound, heard
from recognition.audio.formats import FORMATS
from recognition.audio.lengths import OF_FILE
from recognition.audio.scrambled import ScrambledSound
from recognition.audio.sources import ByteSection, Source
from recognition.audio.streams import Turns, in_order, name_of
from recognition.audio.unreadable import refuse_other_content, why_unreadable
from recognition.errors import DecodeFailed, UnsupportedMedia

# A file with more damaged packets than this, and more than whole ones, is given up.
MAX_BAD_PACKETS: Final = 10_000
MAX_NAME_CHARS: Final = 500


@dataclass(slots=True)
class Reading:
    """What was read of a file so far, of all its sections.

    ``stated_end_s`` is how far the packets that are heard reach, as their container
    states it; ``others_end_s`` is that of the picture and of other tracks.
    """

    packets: int = 0
    bad_packets: int = 0
    broken_off: bool = False
    stated_end_s: float = 0.0
    others_end_s: float = 0.0


class OpenSection:
    """A section that FFmpeg reads; close it.

    ``stream`` is the main track, ``streams`` are those that are heard, and ``numbers``
    are the numbers of all by their places. ``extents`` are those of a survey.
    """

    def __init__(self, file: BinaryIO, section: ByteSection, name: str, reading: Reading) -> None:
        self._file = file
        self.section = section
        self._name = name
        self._reading = reading
        self.numbers: dict[int, int] = {}
        self.extents: list[Extent] = []
        self._intervals: list[HeardInterval] = []
        # Where the packets of streams end, on their own clocks.
        self._stated_ends: dict[Stream, int] = {}
        self._open()

    def _open(self) -> None:
        self.source = Source(self._file, self.section, self._name)
        self.container = _open(self.source, self._file)
        try:
            self.source.end_step()
            main = in_order(self.container)[0]
        except UnsupportedMedia:
            self.close()
            refuse_other_content(self._file)
            raise
        except BaseException:
            self.close()
            raise
        self.stream = self.container.streams.audio[main]
        self.streams = [self.stream]

    def close(self) -> None:
        self.container.close()

    def survey(self) -> list[Extent]:
        """Return where each track has sound, without decoding it."""
        streams = self.container.streams.audio
        extents = {stream.index: Extent() for stream in streams}
        try:
            for packet in self._read_packets(streams):
                if packet.size:
                    length_s = _seconds(packet, packet.duration)
                    extents[packet.stream.index].add(_time_s(packet), length_s or 0.0)
        finally:
            self.close()
        self._open()
        return [*extents.values()]

    def choose(self, extents: list[Extent], *, main: int, track: int | None) -> int:
        """Choose what is heard, and return the number of the main track.

        ``main`` is that of an earlier section, 0 for the first one, since the main track
        may have another place here. ``track`` is the number of one that is heard alone.
        """
        streams = self.container.streams.audio
        order = in_order(self.container, extents or None)
        main = main or order[0] + 1
        places = [place for place in range(len(streams)) if place != order[0]]
        places.insert(main - 1, order[0])
        self.numbers = {place: number for number, place in enumerate(places, 1)}
        self.extents = extents
        self.stream = streams[order[0]]
        chosen = order[:1]
        if track is not None:
            chosen = [place for place in order if self.numbers[place] == track]
        elif extents:
            self._intervals = heard(order, extents)
            tracks = dict.fromkeys(interval.track for interval in self._intervals)
            chosen = list(tracks) or chosen
        self.streams = [streams[place] for place in chosen]
        for stream in self.streams:
            stream.codec_context.thread_count = 1
        return main

    @property
    def names(self) -> tuple[str, ...]:
        """Return title and language of each track, by numbers."""
        streams = self.container.streams.audio
        return tuple(name_of(streams[place], MAX_NAME_CHARS) for place in self.numbers)

    @property
    def has_video(self) -> bool:
        return any(
            not video.disposition & Disposition.attached_pic
            for video in self.container.streams.video
        )

    @property
    def scrambled(self) -> list[ScrambledSound]:
        """Return when what is heard is scrambled."""
        pids = {stream.id for stream in self.streams}
        return [sound for sound in self.section.scrambled if sound.pid in pids]

    @property
    def origin_s(self) -> float | None:
        """Return when the section begins: its first packets may give no sound, and its
        sound may begin after its picture, or after that of another track.
        """
        if self.has_video or len(self.container.streams.audio) > 1:
            origin_s = self._begins_s
        elif self.stream.start_time is None or self.stream.time_base is None:
            return None
        else:
            origin_s = float(self.stream.start_time * self.stream.time_base)
        return min([origin_s, *(sound.begin_s for sound in self.scrambled)])

    @property
    def end_s(self) -> float:
        """Return when the last track ends; 0 without a survey."""
        ends = (extent.end_s for extent in self.extents if extent.intervals)
        return max(ends, default=0.0)

    def add_to(self, sounds: dict[int, TrackSound], shift_s: float) -> None:
        """Add how much sound each track has, and when another than the main is heard.

        ``shift_s`` brings the clock to the time of the file.
        """
        for place, extent in enumerate(self.extents):
            own = [interval for interval in self._intervals if interval.track == place]
            sound = sounds.setdefault(self.numbers[place], TrackSound())
            sound.length_s += extent.length_s
            sound.unheard_s += extent.length_s_without(own)
            if self.container.streams.audio[place] is not self.stream:
                sound.fills_s += [
                    (interval.start_s + shift_s, interval.end_s + shift_s) for interval in own
                ]

    def frames(self) -> Iterator[tuple[Packet[Stream], AudioFrame]]:
        """Yield what is heard, in order, with the packets that it comes from."""
        packets = self._read_packets(self.streams)
        if len(self.streams) > 1:
            yield from self._frames_in_turns(packets)
            return
        for packet in packets:
            for frame in self._frames_of(packet):
                yield packet, frame

    def _frames_in_turns(
        self, packets: Iterable[Packet[Stream]]
    ) -> Iterator[tuple[Packet[Stream], AudioFrame]]:
        turns = Turns(self._intervals)
        streams = self.container.streams.audio
        places = {stream.index: place for place, stream in enumerate(streams)}
        timed = ((places[packet.stream.index], _time_s(packet), packet) for packet in packets)
        for turn, packet in turns.ordered(timed):
            for frame in self._frames_of(packet):
                middle_s = frame.samples / frame.sample_rate / 2
                if frame.time is None or turns.is_heard(turn, frame.time + middle_s):
                    yield packet, frame

    def _frames_of(self, packet: Packet[Stream]) -> list[AudioFrame]:
        stream = cast("AudioStream", packet.stream)
        pts, duration = packet.pts, packet.duration
        if pts is not None and duration:
            end = pts + duration
            if end > self._stated_ends.get(stream, 0):
                self._stated_ends[stream] = end
        self._reading.packets += 1
        try:
            return stream.decode(packet)
        except FFmpegMemoryError:
            raise
        except FFmpegError:
            self.count_bad()
            return []

    def count_bad(self) -> None:
        """Count a damaged packet; raises ``DecodeFailed`` if most are."""
        reading = self._reading
        reading.bad_packets += 1
        if reading.bad_packets > max(MAX_BAD_PACKETS, reading.packets // 2):
            refuse_other_content(self._file)
            raise DecodeFailed("Most of the file is damaged.")

    def _read_packets(self, streams: Sequence[Stream]) -> Iterator[Packet[Stream]]:
        """Yield the packets of some streams, and note how far the others reach."""
        if not streams:
            return
        is_of_file = self.container.format.name in OF_FILE
        packets = self.container.demux(*([] if is_of_file else streams))
        while True:
            self.source.begin_step()
            try:
                packet = next(packets, None)
            except FFmpegMemoryError:
                raise
            # PyAV raises IndexError for streams that appear late
            except (FFmpegError, IndexError):
                self._reading.broken_off = True
                packet = None
            self.source.end_step()
            if packet is None:
                break
            if packet.stream in streams:
                yield packet
            else:
                self._reading.others_end_s = max(self._reading.others_end_s, self._end_of(packet))
        for stream, end in self._stated_ends.items():
            end_s = float(end * (stream.time_base or 0)) - self._begins_s
            self._reading.stated_end_s = max(self._reading.stated_end_s, end_s)

    @property
    def _begins_s(self) -> float:
        return (self.container.start_time or 0) / av.time_base

    def _end_of(self, packet: Packet[Stream]) -> float:
        """Return how far a packet reaches, as its container states it."""
        at_s = _seconds(packet, packet.pts)
        if at_s is None:
            return 0.0
        return at_s + (_seconds(packet, packet.duration) or 0.0) - self._begins_s


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


def _time_s(packet: Packet[Stream]) -> float | None:
    return _seconds(packet, packet.dts if packet.pts is None else packet.pts)


def _seconds(packet: Packet[Stream], units: int | None) -> float | None:
    """Return units of a packet's clock as seconds, without slow fractions."""
    base = packet.time_base
    if units is None or base is None:
        return None
    return units * base.numerator / base.denominator
