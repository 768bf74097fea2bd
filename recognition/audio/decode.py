"""Decode a media file to mono samples at 8 kHz, block by block.

Meant to run in the confined child process (see ``analysis``), because the file is
untrusted. Memory use does not grow with the length of the file.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.error import MemoryError as FFmpegMemoryError
from numpy.typing import NDArray

from recognition.audio.convert import Converter, Wanted, paced, silence_like
from recognition.audio.declared import declared_by, refuse_claims, refuse_shape
from recognition.audio.extents import OVERLAP_S, Extent, TrackSound
from recognition.audio.lengths import announced_ms, is_complete, states_length
from recognition.audio.mono import MonoConverter, samples_of
from recognition.audio.opened import OpenSection, Reading
from recognition.audio.scrambled import ScrambledSeconds
from recognition.audio.sources import begin_of, sections_of
from recognition.audio.timeline import MOST_DRIFT_S, WINDOW_S, Placed, Timed, Timeline
from recognition.audio.unreadable import (
    ZEROS,
    begins_with_zeros,
    refuse_locked,
    refuse_other_content,
)
from recognition.errors import TooLong, TooShort, UnsupportedMedia
from recognition.limits import DEFAULT_LIMITS, MIN_SAMPLE_RATE, DecodeLimits

SAMPLE_RATE: Final = 8000
# Samples of all channels that wait for their place: 64 MB.
MAX_WAITING: Final = 1 << 24
SHORT_FORMATS: Final = frozenset({"u8", "u8p", "s16", "s16p"})
# Lossless codecs, whose samples of more than 16 bits carry information.
EXACT: Final = ("pcm", "flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd")


class AudioFile:
    """The sound of an open file, of all its links; a context manager.

    When ``blocks`` has ended, ``samples`` (at 8 kHz), ``clipped_s`` (seconds at full
    scale), ``undecoded_ms`` (announced, but missing at the end) and ``warnings`` describe
    the sound. ``tracks`` names its sound tracks, ``main`` is the number of the main one,
    and ``sounds`` says what other tracks have beside what is heard.
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
        self._reading = Reading()
        self._unread = 0
        self._lacks_begin = False
        self.samples = 0
        self.clipped_s = 0.0
        self.undecoded_ms = 0
        self.warnings: list[str] = []
        self.tracks: tuple[str, ...] = ()
        self.main = 0
        self.sounds: dict[int, TrackSound] = {}
        self._open_first()
        try:
            if len(self._sections) == 1 and not self._opened.streams:
                raise UnsupportedMedia("The file has no such sound track.")
            self.declared = declared_by(self._opened)
            refuse_locked(file, self.declared.container, self.main)
            refuse_claims(self.declared, self._size, limits)
        except BaseException:
            self._opened.close()
            raise

    def _open_first(self) -> None:
        """Open the first section, or the second one if that alone can be read."""
        try:
            self._open(0)
        except UnsupportedMedia:
            if len(self._sections) == 1:
                raise
            del self._sections[0]
            self._lacks_begin = True
            self._open(0)

    def _open(self, number: int) -> None:
        """Go on with a section of the file; the one before is closed."""
        section = self._sections[number]
        self._opened = OpenSection(self._file, section, self.name, self._reading)
        try:
            if number not in self.surveys and self._needs_survey():
                self.surveys[number] = self._opened.survey()
            self.main = self._opened.choose(
                self.surveys.get(number, []), main=self.main, track=self._track
            )
            if len(self._opened.numbers) > len(self.tracks):
                self.tracks = self._opened.names
        except BaseException:
            self._opened.close()
            raise

    def _needs_survey(self) -> bool:
        """Return whether it matters where the tracks of a section have sound."""
        if self._headers_only:
            return False
        is_beside = self._track is not None and len(self._sections) > 1
        return is_beside or len(self._opened.container.streams.audio) > 1

    @property
    def _main(self) -> AudioStream:
        return self._opened.stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    @property
    def progress(self) -> float:
        """Share of the file read so far, 0–1."""
        before = sum(
            end - begin
            for section in self._sections[: self._begun]
            for begin, end in section.ranges
        )
        return min(1.0, (before + self._opened.source.tell()) / max(1, self._size))

    @property
    def layout(self) -> str:
        """``mono`` or ``stereo``; more channels are mixed down to two."""
        streams = self._opened.streams or [self._main]
        is_mono = all(stream.channels == 1 for stream in streams)
        return "mono" if is_mono else "stereo"

    @property
    def exact_format(self) -> str:
        """The planar integer format that holds the samples exactly: 16 or 32 bits."""
        # A track that begins late has no format before it is decoded.
        form = self._main.codec_context.format
        short = form is not None and form.name in SHORT_FORMATS
        return "s16p" if short or not self.declared.codec.startswith(EXACT) else "s32p"

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield mono float32 samples at 8 kHz in blocks of at most 10 s.

        Raises ``TooLong`` on the way, ``TooShort`` at the end, and ``UnsupportedMedia``
        if nothing could be decoded.
        """
        max_samples = self.limits.max_duration_ms * SAMPLE_RATE // 1000
        converter = MonoConverter(SAMPLE_RATE)
        for frame in self.frames_by(converter):
            block = samples_of(frame)
            self.clipped_s = converter.clipped_s
            self.samples += len(block)
            if self.samples > max_samples:
                raise TooLong(self.limits.max_duration_ms / 1000)
            yield block
        self._judge()

    def frames(self, want: Wanted) -> Iterator[AudioFrame]:
        """Yield every decodable frame, converted, with gaps filled by silence."""
        return self.frames_by(Converter(want))

    def frames_by(self, converter: Converter) -> Iterator[AudioFrame]:
        """Yield every decodable frame as a new converter makes it."""
        for gap_s, frame, paced_s in self._place_frames():
            if gap_s:
                for silent in silence_like(frame, gap_s):
                    yield from self._converted(converter, silent)
            if paced_s:
                for part in paced(frame, paced_s):
                    yield from self._converted(converter, part)
            elif made := self._converted(converter, frame):
                yield from made
        yield from self._converted(converter, None)

    def _place_frames(self) -> Iterator[Placed[AudioFrame]]:
        """Yield the frames of all links in their places."""
        placed_s = behind_s = 0.0
        for numbers in self._links():
            opened = next((number for number in numbers if self._open_section(number)), None)
            if opened is None:
                continue
            origin_s, begin_s = self._opened.origin_s, placed_s
            shift_s = begin_s - (origin_s or 0.0)
            timeline: Timeline[AudioFrame] = Timeline(origin_s, self._window_s())
            following = [number for number in numbers if number > opened]
            for placed in timeline.place(self._timed(following, shift_s)):
                if behind_s:
                    placed_s += behind_s
                    yield placed._replace(gap_s=behind_s + placed.gap_s)
                    behind_s = 0.0
                else:
                    yield placed
            placed_s += timeline.length_s
            self._lost_s += timeline.lost_s
            if self._track is not None:
                # The next link begins when all tracks of this one have ended.
                behind_s = max(0.0, self._opened.end_s + shift_s - placed_s)

    def _links(self) -> Iterator[list[int]]:
        """Yield the sections of each link: those whose clock goes on."""
        numbers: list[int] = []
        for number, section in enumerate(self._sections):
            if numbers and not section.continues:
                yield numbers
                numbers = []
            numbers.append(number)
        yield numbers

    def _open_section(self, number: int) -> bool:
        """Go on with a section, and return whether it can be read."""
        self._begun = number
        if number == 0:
            return True
        self._opened.close()
        try:
            self._open(number)
        except UnsupportedMedia:
            self._unread += 1
            return False
        return True

    def _window_s(self) -> float:
        """Return how long frames may wait: less if their samples would fill the memory."""
        samples = max(
            (stream.sample_rate or MIN_SAMPLE_RATE) * max(1, stream.channels)
            for stream in (self._main, *self._opened.streams)
        )
        return min(WINDOW_S, MAX_WAITING / samples)

    def _timed(self, following: Iterable[int], shift_s: float) -> Iterator[Timed[AudioFrame]]:
        """Yield the frames of a link with their times, from its opened section on."""
        end_s: float | None = None
        for number in (self._begun, *following):
            if number == self._begun or self._open_section(number):
                self._opened.add_to(self.sounds, shift_s)
                end_s = yield from self._timed_section(end_s)
        self._scrambled.note_end(self._opened.scrambled, end_s)

    def _timed_section(
        self, end_s: float | None
    ) -> Generator[Timed[AudioFrame], None, float | None]:
        """Yield the frames of a section, and return when its sound ends.

        ``end_s`` is when that of the section before ended, which may reach into this.
        """
        section, scrambled = self._opened.section, self._opened.scrambled
        may_cut = self._opened.container.format.name == "mpegts"
        # Of a dump that begins in mid-link, FFmpeg counts from 0 until a page of FLAC
        # says where it is.
        may_begin_late = bool(section.head) and self._main.codec_context.name == "flac"
        place, is_join = 0, end_s is not None
        shape = 0, 0
        for packet, frame in self._opened.frames():
            rate, channels = frame.sample_rate, frame.layout.nb_channels
            if (rate, channels) != shape:
                refuse_shape(rate, channels)
                shape = rate, channels
            start_s, is_cut = frame.time, False
            length_s = frame.samples / rate
            if not (may_cut or may_begin_late):
                yield Timed(frame, start_s, length_s)
                continue
            before, place = place, max(place, packet.pos or 0)
            if start_s is not None:
                ahead_s = (end_s or 0.0) - start_s
                if is_join and length_s / 2 < ahead_s < OVERLAP_S:
                    continue
                # A mark where sound begins says nothing of the clock.
                may_mark = not is_join or packet.stream.id not in section.fresh
                if abs(ahead_s) > MOST_DRIFT_S and may_mark:
                    is_cut = may_begin_late or self._opened.source.has_cut_between(before, place)
                    may_begin_late = False
                self._scrambled.note(scrambled, end_s, start_s)
                is_join, end_s = False, start_s + length_s
            yield Timed(frame, start_s, length_s, is_cut)
        return end_s

    def _converted(self, converter: Converter, frame: AudioFrame | None) -> list[AudioFrame]:
        """Return what a frame completes, or the rest after the last frame.

        What cannot be converted is left out.
        """
        try:
            return converter.finish() if frame is None else converter.take(frame)
        except FFmpegMemoryError:
            raise
        except (FFmpegError, ValueError):
            self._opened.count_bad()
            return []

    def _judge(self) -> None:
        self._refuse_silence()
        self.warnings += [*self._scrambled.warnings(), *self._damage()]
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
        if any(section.scrambled for section in self._sections):
            raise UnsupportedMedia(
                "Its sound is scrambled, as that of pay television is: record it again "
                "with a receiver that decodes it."
            )
        refuse_other_content(self._file)
        reading = self._reading
        if self.samples == 0 and (reading.bad_packets or reading.broken_off):
            raise UnsupportedMedia(f"The {self.declared.codec} sound in it could not be decoded.")
        raise TooShort(duration_ms / 1000, self.limits.min_duration_ms / 1000)

    def _judge_end(self) -> None:
        """Warn if sound is missing at the end."""
        whole = is_complete(self._file, self.declared.container, begin=begin_of(self._file))
        missing_s = self._missing_s(whole)
        if missing_s:
            self.warnings.append(f"The last {missing_s:.0f} s could not be decoded.")
        elif self._reading.broken_off or whole is False:
            self.warnings.append("The end of the file could not be decoded.")
        # A header may announce any length.
        held_ms = self.samples * 1000 // SAMPLE_RATE
        room_ms = max(0, self.limits.max_duration_ms - held_ms)
        lacking_s = missing_s or self._scrambled.last_s
        self.undecoded_ms = min(round(1000 * lacking_s), room_ms)

    def _damage(self) -> Iterator[str]:
        """Yield what is damaged within the file."""
        lost_s = self._lost_s - self._scrambled.within_s
        # Where scrambling begins or ends, a packet is damaged.
        damaged = self._reading.bad_packets - 2 * sum(
            len(sound.intervals) for section in self._sections for sound in section.scrambled
        )
        if lost_s >= 1:
            yield (f"{lost_s:.0f} s within the file could not be decoded and count as silence.")
        elif damaged == 1:
            yield "1 damaged place in the file was skipped."
        elif damaged > 1:
            yield f"{damaged} damaged places in the file were skipped."

    @property
    def states_length(self) -> bool:
        """Whether the file says how long it is, so that a missing end is noticed."""
        stated = self.declared
        begin = begin_of(self._file)
        return states_length(self._file, stated.container, stated.duration_ms, begin=begin)

    def _missing_s(self, whole: bool | None) -> float:
        """Return the seconds announced but not decoded; 0 if no length is announced.

        Headers announce wrong lengths, too. If the packets read explain the length, or
        all of a complete file was decoded, nothing is missing.
        """
        reading = self._reading
        if whole and not reading.bad_packets and not reading.broken_off:
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
        held_s = self.samples / SAMPLE_RATE
        end_s = max(held_s, reading.others_end_s, reading.stated_end_s)
        if announced / 1000 - end_s <= max(1.0, announced / 100_000):
            return 0.0
        return announced / 1000 - held_s


def blocks(
    # For benchmarks and tests, which trust their files.
    path: Path,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Iterator[NDArray[np.float32]]:
    """Yield mono float32 samples of a trusted file at 8 kHz, in blocks of at most 10 s."""
    with path.open("rb") as file, AudioFile(file, limits, name=path.name) as audio:
        yield from audio.blocks()
