"""Declarations as statements: what they say of matches, and how that differs today."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.accounts.roles import Action
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.times import MOST_MS
from plugins.monitoring.declarations.additions import additions
from plugins.monitoring.declarations.changes import changed_plays, recording_changes, when
from plugins.monitoring.declarations.content_files import described
from plugins.monitoring.declarations.gathering import Gathered
from plugins.monitoring.declarations.models import DECLARATION_STATEMENT, Declaration
from plugins.monitoring.declarations.selectors import standing
from plugins.monitoring.streams.models import StreamHour
from reports.choices import RunState
from statements.kinds import Difference, Fact, Kind
from statements.models import Statement
from statements.selectors import last_of

_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(milliseconds=MOST_MS)


class Declarations(Kind):
    """Declarations of use: drafts until somebody downloads the file to send it."""

    kind = DECLARATION_STATEMENT
    label = lazy("Declaration")
    place = 20
    model = Declaration
    reading = Action.REPORT
    correcting = Action.APPROVE

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare declarations with what a correction would declare.

        Queries are fixed per declaration and thousand plays: each covers stations and
        days of its own.
        """
        rows = Declaration.objects.select_related("profile").in_bulk(
            [statement.subject for statement in statements], field_name="uid"
        )
        return {
            statement.pk: list(_differences(rows[statement.subject], statement))
            for statement in statements
        }

    def url(self, statement: Statement) -> str:
        """Return the address of the declaration."""
        return reverse("portal:declaration", args=[statement.subject])

    def correct_url(self, statement: Statement) -> str:
        """Return the address of the check of a correction."""
        query = urlencode({"replaces": statement.subject})
        return f"{reverse('portal:declaration_check')}?{query}"

    def corrected(self, subjects: Collection[str]) -> Collection[str]:
        """Return the declarations that have a correction, written or being written."""
        rows = standing().filter(replaces__uid__in=subjects)
        return set(rows.values_list("replaces__uid", flat=True))

    def concerned(self, cases: Mapping[str, Collection[str]]) -> Iterable[str]:
        """Return the declarations of stations and days at which files were on the air."""
        files = cases.get("file", ())
        broadcasts = Broadcast.objects.filter(scanned_file__uid__in=files)
        hours = StreamHour.objects.filter(scanned_file__uid__in=files)
        aired = [
            *broadcasts.values_list("station__uid", "starts_at"),
            *hours.values_list("stream__station__uid", "starts_at"),
        ]
        if not aired:
            return
        moments = [starts_at for _station, starts_at in aired]
        stations = {station for station, _starts_at in aired}
        rows = Declaration.objects.filter(
            state=RunState.READY,
            begins__lte=(max(moments) + _LONGEST + _DAY).date(),
            ends__gte=(min(moments) - _DAY).date(),
        )
        for uid, profile in rows.values_list("uid", "profile_as_was"):
            if not stations.isdisjoint(profile["stations"]):
                yield uid


def statement_of(declaration: Declaration) -> Statement | None:
    """Return the statement of a declaration; None until it is written."""
    return last_of(DECLARATION_STATEMENT, declaration.uid)


def facts_of(gathered: Gathered) -> Iterator[Fact]:
    """Yield what a declaration says of each play, then of each recording."""
    for play, source in zip(gathered.facts.plays, gathered.sources, strict=True):
        yield Fact(
            match=play.match,
            recording=play.recording,
            file=play.file,
            broadcast=source.broadcast,
            start_ms=play.start_ms,
            end_ms=play.end_ms,
            state=play.state,
            cells={
                "play": play.uid,
                "station": play.station,
                "airing": play.broadcast,
                "aired_at": play.broadcast_starts_at.isoformat(),
                "starts_at": play.starts_at.isoformat(),
                "played_ms": play.played_ms,
                "version": source.version,
                "plays_in_file": source.plays_in_file,
            },
        )
    for recording in gathered.facts.recordings:
        yield Fact(recording=recording.uid, cells={"described": described(recording)})


def _differences(declaration: Declaration, statement: Statement) -> Iterator[Difference]:
    for play in changed_plays(statement):
        about = f"{play.match.recording}, {when(play.station, play.starts_at)}"
        for change in play.changes:
            yield Difference(f"{about}: {change}", play.match.uid)
    for changed in recording_changes(declaration, statement):
        for change in changed.changes:
            yield Difference(f"{changed.recording}: {change}")
    for added in additions(declaration, statement):
        about = f"{added.match.recording}, {when(added.station, added.starts_at)}"
        change = _("it is not declared yet, but belongs to these days")
        yield Difference(f"{about}: {change}", added.match.uid)
