"""Questions that matches ask about what people said of the same seconds of a file.

Packages above keep what people say, such as the entries of cue sheets. A match that
waits, and that says something else of the same seconds, is one question: the decision
about the match answers it, and only a person makes that decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Protocol

from base.accounts.models import User
from base.audit.models import Event
from base.common.registry import Registry
from review import intervals
from review.choices import WAITING_STATES
from review.intervals import Interval
from review.models import Match
from review.services.transitions import MAX_NOTE_CHARS, Change
from review.subjects import heard_of
from scanning.models import ScannedFile

SAME_SECONDS = 0.5
"""What people said and a match that share so much of the shorter one are a question."""
_GAVE_WAY = "gave_way"


@dataclass(frozen=True, slots=True)
class GaveWay:
    """What gave way to a match: what restores it, and the note that goes over."""

    snapshot: Mapping[str, Any]  # Any: JSON
    note: str


class Spoken(Protocol):
    """What people said of the seconds of files."""

    def intervals_in(self, files: Collection[int] | None) -> Iterable[tuple[int, Interval]]:
        """Return the file and the seconds of each statement; None means all files."""

    def give_way(self, match: Match, user: User) -> GaveWay:
        """Let a match stand instead of what people said."""

    def restore(self, match: Match, snapshot: Mapping[str, Any], user: User) -> None:
        """Bring back what gave way to a match, as it was."""


spoken: Registry[Spoken] = Registry()
"""What packages above know that people said."""


def contradict(statement: Interval, heard: Sequence[Interval]) -> bool:
    """Return whether a statement and a match are about the same seconds."""
    shared = intervals.length([statement]) + intervals.length(heard)
    shared -= intervals.length([statement, *heard])
    shorter = min(statement[1] - statement[0], intervals.length(heard))
    return 0 < shorter * SAME_SECONDS <= shared


class StatedSeconds:
    """The seconds of which people said something, read once for many matches."""

    def __init__(self, files: Collection[int] | None = None) -> None:
        self._files = files

    @cached_property
    def by_file(self) -> Mapping[int, Sequence[Interval]]:
        by_file = defaultdict[int, list[Interval]](list)
        for source in spoken:
            for file, interval in source.intervals_in(self._files):
                by_file[file].append(interval)
        return by_file

    def contradicts(self, file: int, heard: Callable[[], Sequence[Interval]]) -> bool:
        """Return whether people said something else of the seconds of a match."""
        if file not in self.by_file:
            return False
        seconds = heard()
        return any(contradict(statement, seconds) for statement in self.by_file[file])

    def asking(self, matches: Iterable[Match]) -> set[int]:
        """Return the keys of those matches that wait, and ask about these seconds."""
        return {
            match.pk
            for match in matches
            if match.state in WAITING_STATES
            and self.contradicts(match.scanned_file_id, partial(heard_of, match))
        }


def lock_files(matches: Collection[str]) -> StatedSeconds:
    """Return what people said of the files of matches, which stays so until the commit.

    The files are locked before their matches, as when a scan is folded.
    """
    files = set(Match.objects.filter(uid__in=matches).values_list("scanned_file", flat=True))
    statements = StatedSeconds(files)
    if statements.by_file:
        rows = ScannedFile.objects.select_for_update(of=("self",)).order_by("pk")
        list(rows.filter(pk__in=statements.by_file).values_list("pk"))
        statements = StatedSeconds(files)
    return statements


def give_way(match: Match, change: Change, user: User) -> Change:
    """Let a match stand instead of what people said; return its change with that."""
    gave = [source.give_way(match, user) for source in spoken]
    notes = [change.fields.get("note", match.note), *(concession.note for concession in gave)]
    note = "\n".join(str(line) for line in notes if line)
    return replace(
        change,
        fields=change.fields | {"note": note[:MAX_NOTE_CHARS]},
        details=change.details | {_GAVE_WAY: [concession.snapshot for concession in gave]},
    )


def gave_way(event: Event) -> bool:
    """Return whether something that people said gave way to the event's decision."""
    return _GAVE_WAY in event.after


def restore(match: Match, event: Event, user: User) -> None:
    """Bring back what gave way to the event's decision."""
    for source, snapshot in zip(spoken, event.after[_GAVE_WAY], strict=True):
        source.restore(match, snapshot, user)
