"""Where the gaps of a declaration are closed: a link for each record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from base.accounts.models import User
from base.accounts.roles import Action
from plugins.monitoring.declarations.checking import FoundGap, GapGroup
from plugins.monitoring.declarations.formats.base import ValueSubject
from plugins.monitoring.declarations.inconsistencies import Doubt, DoubtKind

_MOST_SHOWN = 50
_PAGES = {
    ValueSubject.PLAY: ("match", Action.VIEW),
    ValueSubject.RECORDING: ("recording_detail", Action.VIEW),
    ValueSubject.STATION: ("station_edit", Action.EDIT_CATALOGUE),
    ValueSubject.FIGURES: ("station_figures", Action.REPORT),
    ValueSubject.BROADCAST: ("file_broadcasts", Action.UPLOAD),
    ValueSubject.AUDIENCE: ("station_hours", Action.REPORT),
    ValueSubject.EPISODE: ("file_broadcasts", Action.UPLOAD),
    ValueSubject.PROFILE: ("declaration_profile", Action.EDIT_CATALOGUE),
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
    recordings: tuple[str, Sequence[str]] | None = None
    """The cell, and the recordings that lack it, for cards of ``declaration.gap``."""

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
            [(_address(gap, user), gap) for gap in group.gaps[:_MOST_SHOWN]],
            (group.cell, [gap.uid for gap in group.gaps])
            if group.subject == ValueSubject.RECORDING
            else None,
        )
        for group in groups
    ]


_OF_DOUBTS = {
    DoubtKind.CONFLICT: "rights_conflict",
    DoubtKind.MATCH: "match",
    DoubtKind.FILE: "file_broadcasts",
}


def linked_doubts(doubts: Iterable[Doubt]) -> list[tuple[str, str]]:
    """Return the text of each doubt, and the page where people look into it."""
    return [(doubt.text, _page_of(doubt)) for doubt in doubts]


def _page_of(doubt: Doubt) -> str:
    try:
        return reverse(f"portal:{_OF_DOUBTS[doubt.kind]}", args=[doubt.uid])
    except NoReverseMatch:
        return ""  # Conflicts have pages only where their plug-in is installed.


def _address(gap: FoundGap, user: User) -> str:
    name, action = _PAGES[ValueSubject(gap.subject)]
    if not user.has_perm(action):
        return ""
    # Of an audience, the station and the day are named.
    uid, _slash, day = gap.uid.partition("/")
    page = reverse(f"portal:{name}", args=[uid])
    return f"{page}?day={day}" if day else page
