"""Judge items of repeated sound by the truth of the station that they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.stations import Play
from recognition.recurring.items import FoundOccurrence, Item


@dataclass(frozen=True)
class Verdict:
    """Items, and the plays of the files by number in which they were found."""

    items: Sequence[Item]
    plays: Mapping[int, Sequence[Play]]

    @cached_property
    def titles(self) -> list[int | None]:
        """The title of most occurrences of each item, None where nothing returns."""
        return [
            Counter(map(self.playing, item.occurrences)).most_common(1)[0][0] for item in self.items
        ]

    @cached_property
    def right(self) -> list[bool]:
        """For all occurrences, whether their item's title plays there."""
        return [
            title is not None and self.playing(occurrence) == title
            for title, item in zip(self.titles, self.items, strict=True)
            for occurrence in item.occurrences
        ]

    def playing(self, occurrence: FoundOccurrence) -> int | None:
        """Return the title that plays in most of an occurrence, None if none does."""
        for play in self.plays[occurrence.file]:
            if common(play, occurrence) > occurrence.length_ms / 2000:
                return play.title
        return None

    def of(self, file: int, play: Play) -> list[FoundOccurrence]:
        """Return the occurrences of a play's title that overlap it."""
        return [
            occurrence
            for title, item in zip(self.titles, self.items, strict=True)
            if title == play.title
            for occurrence in item.occurrences
            if occurrence.file == file and common(play, occurrence) > 0
        ]

    def covers(self, file: int, play: Play) -> bool:
        """Return whether occurrences of its title cover half of a play."""
        covered = sum(common(play, occurrence) for occurrence in self.of(file, play))
        return covered >= (play.end - play.start) / 2

    def edges(self, file: int, play: Play) -> list[float]:
        """Return the errors of start and end in seconds; empty if nothing was found."""
        occurrences = self.of(file, play)
        if not occurrences:
            return []
        start = min(occurrence.start_ms for occurrence in occurrences) / 1000
        end = max(occurrence.end_ms for occurrence in occurrences) / 1000
        return [abs(start - play.start), abs(end - play.end)]


def common(play: Play, occurrence: FoundOccurrence) -> float:
    """Return the seconds that a play and an occurrence of the same file share."""
    start, end = occurrence.start_ms / 1000, occurrence.end_ms / 1000
    return max(0.0, min(play.end, end) - max(play.start, start))
