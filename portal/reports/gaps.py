"""Where the gaps of a declaration are closed: a link for each record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from accounts.roles import Action
from reports.declarations.checking import FoundGap, GapGroup
from reports.declarations.formats.base import Subject

_SHOWN = 50
_PAGES = {
    Subject.PLAY: ("match", Action.VIEW),
    Subject.RECORDING: ("recording_detail", Action.VIEW),
    Subject.STATION: ("station_edit", Action.EDIT_CATALOGUE),
    Subject.FIGURES: ("station_figures", Action.REPORT),
    Subject.BROADCAST: ("file_broadcasts", Action.UPLOAD),
    Subject.AUDIENCE: ("station_hours", Action.REPORT),
    Subject.EPISODE: ("file_broadcasts", Action.UPLOAD),
    Subject.PROFILE: ("declaration_profile", Action.EDIT_CATALOGUE),
}


@dataclass(frozen=True, slots=True)
class LinkedGroup:
    """The gaps of one cell; ``links`` are the first of them with their pages.

    The address is empty where the person may not open the page.
    """

    cell: str
    why: str
    count: int
    links: list[tuple[str, FoundGap]]

    @property
    def hidden(self) -> int:
        """Return how many gaps are not shown."""
        return self.count - len(self.links)


def linked(groups: Iterable[GapGroup], user: User) -> list[LinkedGroup]:
    """Return groups of gaps with the pages in which they are closed."""
    return [
        LinkedGroup(
            group.cell,
            group.why,
            len(group.gaps),
            [(_address(gap, user), gap) for gap in group.gaps[:_SHOWN]],
        )
        for group in groups
    ]


def _address(gap: FoundGap, user: User) -> str:
    name, action = _PAGES[Subject(gap.subject)]
    if not user.has_perm(action):
        return ""
    # Of an audience, the station and the day are named.
    uid, _slash, day = gap.uid.partition("/")
    page = reverse(f"portal:{name}", args=[uid])
    return f"{page}?day={day}" if day else page
