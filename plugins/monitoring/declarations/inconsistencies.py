"""What makes a declaration doubtful though no value is missing.

These are shares that are in conflict, two recordings declared for the same seconds, and
two programmes on the air at once. A person must know of them before signing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from django.db.models import Q
from django.utils.translation import gettext as _

from base.common.batches import batched
from catalogue.models import Recording
from catalogue.owners import tis
from catalogue.owners.choices import ConflictKind, ConflictState
from catalogue.owners.models import Conflict
from catalogue.owners.records import record_keys
from plugins.monitoring.broadcasts.times import local_text
from plugins.monitoring.declarations.chunks import CHUNK
from plugins.monitoring.streams.models import Station

AT_ONCE_MS: Final = 10_000
"""Schedules are inexact, so programmes that overlap for less follow each other."""
_OF_SHARES: Final = (ConflictKind.OVER, ConflictKind.OVERLAP, ConflictKind.WRITERS)


class DoubtKind(StrEnum):
    """What is doubtful, and what its ``uid`` names."""

    CONFLICT = "conflict"
    MATCH = "match"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One doubt; ``uid`` is that of the conflict, the match or the file to look at."""

    kind: DoubtKind
    uid: str
    text: str


class OnStation(Protocol):
    """Something on a station from one moment to another, in ms since 1970."""

    @property
    def starts_ms(self) -> int: ...
    @property
    def ends_ms(self) -> int: ...


Timed = TypeVar("Timed", bound=OnStation)


def overlapping(ordered: Iterable[Timed]) -> Iterator[tuple[Timed, Timed]]:
    """Yield the pairs that overlap; ``ordered`` begin one after the other."""
    open_spans: list[Timed] = []
    for span in ordered:
        open_spans = [open_span for open_span in open_spans if open_span.ends_ms > span.starts_ms]
        yield from ((open_span, span) for open_span in open_spans)
        open_spans.append(span)


@dataclass(frozen=True, slots=True)
class AiredProgramme:
    """A broadcast that people entered."""

    starts_ms: int
    ends_ms: int
    file: str
    name: str


def programmes_at_once(station: Station, programmes: Iterable[AiredProgramme]) -> Iterator[Doubt]:
    """Yield the broadcasts that were on the air while another one was."""
    ordered = sorted(programmes, key=lambda programme: (programme.starts_ms, programme.ends_ms))
    for earlier, later in overlapping(ordered):
        if min(earlier.ends_ms, later.ends_ms) - later.starts_ms > AT_ONCE_MS:
            text = _("%(one)s and %(other)s are on the air at once on %(station)s, %(at)s.") % {
                "one": earlier.name,
                "other": later.name,
                "station": station.name,
                "at": _when(later.starts_ms, station),
            }
            yield Doubt(DoubtKind.FILE, later.file, text)


def declared_together(
    station: Station, starts_ms: int, match: str, titles: tuple[str, str]
) -> Doubt:
    """Return that two recordings are declared for the same seconds."""
    text = _(
        "%(one)s and %(other)s are both declared for the same seconds on %(station)s, %(at)s."
    ) % {
        "one": titles[0],
        "other": titles[1],
        "station": station.name,
        "at": _when(starts_ms, station),
    }
    return Doubt(DoubtKind.MATCH, match, text)


def _when(ms: int, station: Station) -> str:
    return local_text(datetime.fromtimestamp(ms // 1000, tz=UTC), station.time_zone)


def share_conflicts(
    recordings: Sequence[Recording], territories: Collection[str]
) -> Iterator[Doubt]:
    """Yield the open conflicts about shares of some recordings in some territories."""
    countries = frozenset[str]().union(*(tis.expand([code]) for code in territories if code))
    seen: set[int] = set()
    for chunk in batched(recordings, CHUNK):
        titles: dict[int, str] = {}
        for recording, keys in zip(chunk, record_keys(chunk).values(), strict=True):
            titles |= dict.fromkeys(keys, str(recording))
        rows = Conflict.objects.filter(state=ConflictState.OPEN, kind__in=_OF_SHARES)
        conflicts = rows.filter(
            Q(recording__in=titles) | Q(work__recordings__in=titles, work__merged_into=None)
        )
        named: dict[int, str] = defaultdict(str)
        for key, sound, of_work in conflicts.values_list("pk", "recording", "work__recordings"):
            named[key] = named[key] or titles.get(sound or of_work, "")
        for row in conflicts.select_related("work", "recording").distinct().order_by("pk"):
            if row.pk in seen or not _concerns(row.evidence, countries):
                continue
            seen.add(row.pk)
            text = _("The shares of %(title)s are in conflict: %(kind)s.") % {
                "title": named[row.pk] or row.subject,
                "kind": row.get_kind_display(),
            }
            yield Doubt(DoubtKind.CONFLICT, row.uid, text)


def _concerns(evidence: dict[str, Any], countries: frozenset[str]) -> bool:  # Any: JSON
    """Return whether a conflict is about one of the countries; without any, it is."""
    cells = evidence.get("cells", [])
    if not cells or not countries or len(cells) < evidence.get("count", 0):
        return True
    return any(countries & tis.expand(cell["included"], cell["excluded"]) for cell in cells)
