"""Where the gaps of a declaration are closed: a link for each record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from reports.declarations.checking import FoundGap, GapGroup
from reports.declarations.formats.base import Subject

_SHOWN = 50
_PAGES = {
    Subject.PLAY: "match",
    Subject.RECORDING: "recording_detail",
    Subject.STATION: "station_edit",
    Subject.FIGURES: "station_figures",
    Subject.BROADCAST: "file_broadcasts",
    Subject.AUDIENCE: "station_hours",
    Subject.EPISODE: "file_broadcasts",
    Subject.PROFILE: "declaration_profile",
}


@dataclass(frozen=True, slots=True)
class LinkedGroup:
    """The gaps of one cell; ``links`` are the first of them with their pages."""

    cell: str
    why: str
    count: int
    links: list[tuple[str, FoundGap]]

    @property
    def hidden(self) -> int:
        """Return how many gaps are not shown."""
        return self.count - len(self.links)


def linked(groups: Iterable[GapGroup]) -> list[LinkedGroup]:
    """Return groups of gaps with the pages in which they are closed."""
    return [
        LinkedGroup(
            group.cell,
            group.why,
            len(group.gaps),
            [(_address(gap), gap) for gap in group.gaps[:_SHOWN]],
        )
        for group in groups
    ]


def _address(gap: FoundGap) -> str:
    # Of an audience, the station and the day are named.
    uid, _slash, day = gap.uid.partition("/")
    page = reverse(f"portal:{_PAGES[Subject(gap.subject)]}", args=[uid])
    return f"{page}?day={day}" if day else page
