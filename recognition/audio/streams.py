"""The sound tracks of an open container: which is the main one, and whose turn it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from recognition.audio.extents import Extent, HeardInterval
from recognition.errors import UnsupportedMedia

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
# A decoder's first sound after a start in mid-track is not whole.
PREROLL_S: Final = 0.25
# Tracks of a file lie less apart in its bytes.
LATE_S: Final = 2.0

Item = TypeVar("Item")


def first_audio(container: InputContainer) -> AudioStream:
    """Return the main audio stream; raises ``UnsupportedMedia`` without one.

    That is the one marked as default, unless it is marked as a commentary or audio
    description, or called one; else the first.
    """
    stream = container.streams.audio[in_order(container)[0]]
    stream.codec_context.thread_count = 1
    return stream


def in_order(container: InputContainer, extents: Sequence[Extent] | None = None) -> list[int]:
    """Return the places of the decodable sound tracks, the main one first.

    A track without sound is not the main one if its extent is known. Tracks in the
    language of the main one come next. Raises ``UnsupportedMedia`` without any.
    """
    streams = container.streams.audio
    if not streams:
        raise UnsupportedMedia("The file has no audio stream.")
    places = [place for place, stream in enumerate(streams) if stream.codec_context is not None]
    if not places:
        raise UnsupportedMedia("The audio codec is unknown.")

    def rank(place: int) -> tuple[bool, bool, bool, int]:
        is_empty = extents is not None and not extents[place].intervals
        return (is_empty, *_rank(streams[place]))

    main = min(places, key=rank)
    language = streams[main].metadata.get("language")
    return sorted(
        places,
        key=lambda place: (
            place != main,
            streams[place].metadata.get("language") != language,
            rank(place),
        ),
    )


def _rank(stream: AudioStream) -> tuple[bool, bool, int]:
    marks = stream.disposition
    return (
        bool(marks & NOT_MAIN) or bool(BESIDE.search(_title_of(stream))),
        not marks & Disposition.default,
        stream.index,
    )


def _title_of(stream: AudioStream) -> str:
    return stream.metadata.get("title", "")


def name_of(stream: AudioStream, most: int) -> str:
    """Return a track's title and language; empty where neither is stated."""
    parts = (_title_of(stream), stream.metadata.get("language", ""))
    return ", ".join(part for part in parts if part and part != "und")[:most]


class Turns:
    """Orders packets of tracks that are heard in turns; a turn is an interval's place."""

    def __init__(self, intervals: Sequence[HeardInterval]) -> None:
        self._intervals = intervals
        self._until_s = [*(interval.start_s for interval in intervals[1:]), float("inf")]
        self._of_track: dict[int, list[int]] = {}
        for turn, interval in enumerate(intervals):
            self._of_track.setdefault(interval.track, []).append(turn)

    def ordered(
        self, items: Iterable[tuple[int, float | None, Item]]
    ) -> Iterator[tuple[int, Item]]:
        """Yield the items that are heard with their turns, in the order of turns.

        An item comes with its track and time; None if it follows that track's last one.
        """
        waiting: list[list[Item]] = [[] for _ in self._intervals]
        newest: dict[int, int | None] = {}
        current = 0
        for track, time_s, item in items:
            turn = newest.get(track)
            if time_s is not None:
                newest[track] = turn = self._turn_of(track, time_s)
            if turn is None:
                continue
            while current < turn and self._is_over(current, time_s):
                current += 1
                yield from ((current, waited) for waited in waiting[current])
                waiting[current] = []
            if turn == current:
                yield turn, item
            elif turn > current:
                waiting[turn].append(item)
        for turn in range(current + 1, len(waiting)):
            yield from ((turn, waited) for waited in waiting[turn])

    def is_heard(self, turn: int, time_s: float) -> bool:
        """Return whether a time lies within a turn."""
        return self._intervals[turn].start_s <= time_s < self._until_s[turn]

    def _is_over(self, turn: int, time_s: float | None) -> bool:
        return time_s is not None and time_s > self._intervals[turn].end_s + LATE_S

    def _turn_of(self, track: int, time_s: float) -> int | None:
        turns = self._of_track.get(track, [])
        starts = [self._intervals[turn].start_s - PREROLL_S for turn in turns]
        number = bisect_right(starts, time_s) - 1
        if number < 0 or time_s >= self._until_s[turns[number]]:
            return None
        return turns[number]
