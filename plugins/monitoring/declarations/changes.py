"""Finds what a written declaration says of plays and recordings that is not so any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from base.common.batches import batched
from catalogue.models import Recording
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.times import local_text
from plugins.monitoring.declarations.chunks import CHUNK
from plugins.monitoring.declarations.content_files import recording_in
from plugins.monitoring.declarations.facts import Contributor, RecordingFacts
from plugins.monitoring.declarations.formats.values import VALUES
from plugins.monitoring.declarations.gathering import DECLARED, within
from plugins.monitoring.declarations.models import Declaration
from plugins.monitoring.declarations.recordings import recording_facts, standing_for
from plugins.monitoring.streams.models import Station
from reports.cells import clock
from reports.plays import Play, plays_of
from review import intervals
from review.choices import WAITING_STATES, MatchState
from review.models import Match, MatchAlias
from review.selectors import matches_of, with_segments
from statements.models import Statement, StatementFact

# What a column calls it, where it does not have the name of the fact.
_NAMED: Final = {"duration_ms": "length", "own_share": "our_share"}
# Files and streams write whole seconds.
_SAME_TIME: Final = timedelta(seconds=1)
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class ChangedPlay:
    """A play that a correction would not declare, or otherwise; ``changes`` say why."""

    match: Match
    station: Station
    starts_at: datetime
    declared_as: MatchState
    changes: tuple[str, ...]


def changed_plays(statement: Statement) -> Iterator[ChangedPlay]:
    """Yield the plays of a declaration that are not as they were declared.

    The number of queries per chunk is fixed.
    """
    plays = statement.facts.exclude(match="").order_by("pk")
    facts = plays.iterator(chunk_size=CHUNK)
    for some in batched(facts, CHUNK):
        yield from _Declared.of(some).changed()


@dataclass(frozen=True, slots=True)
class _Declared:
    """Some declared plays, and what they stand on today."""

    facts: Sequence[StatementFact]
    matches: Mapping[str, Match]
    broadcasts: Mapping[str, Broadcast]
    stations: Mapping[str, Station]

    @classmethod
    def of(cls, facts: Sequence[StatementFact]) -> _Declared:
        """Read it."""
        broadcasts = Broadcast._base_manager.filter(
            uid__in={fact.broadcast for fact in facts} - {""}
        )
        stations = Station._base_manager.filter(uid__in={fact.cells["station"] for fact in facts})
        return cls(
            facts,
            matches_of({fact.match for fact in facts}),
            {row.uid: row for row in broadcasts.select_related("station")},
            {row.uid: row for row in stations},
        )

    def changed(self) -> Iterator[ChangedPlay]:
        """Yield those that are not as they were declared."""
        facts = [fact for fact in self.facts if self._may_differ(fact)]
        measured = [fact for fact in facts if self._is_measured(fact)]
        with_segments({match.pk: match for match in map(self._match, measured)}.values())
        then = _PlaysThen.of(measured, self.matches)
        for fact in facts:
            if changes := tuple(self._changes(fact, then)):
                yield ChangedPlay(
                    self._match(fact),
                    self.stations[fact.cells["station"]],
                    datetime.fromisoformat(fact.cells["starts_at"]),
                    MatchState(fact.state),
                    changes,
                )

    def _match(self, fact: StatementFact) -> Match:
        return self.matches[fact.match]

    def _may_differ(self, fact: StatementFact) -> bool:
        """Return whether anything may have changed; most plays stay as they are."""
        match = self._match(fact)
        if (match.uid, match.state, match.version) != (
            fact.match,
            fact.state,
            fact.cells["version"],
        ):
            return True
        if match.scanned_file.deleted_at is not None:
            return True
        if not fact.broadcast:
            return False
        broadcast = self.broadcasts.get(fact.broadcast)
        return (
            broadcast is None
            or broadcast.station.uid != fact.cells["station"]
            or broadcast.starts_at != _begun(fact)
            or broadcast.length_ms is not None
        )

    def _is_measured(self, fact: StatementFact) -> bool:
        """Return whether a play's seconds may have changed, so that they are counted again."""
        match, broadcast = self._match(fact), self.broadcasts.get(fact.broadcast)
        is_cut = broadcast is not None and broadcast.length_ms is not None
        has_changed = (match.uid, match.version) != (fact.match, fact.cells["version"])
        return match.state in DECLARED and (is_cut or has_changed)

    def _changes(self, fact: StatementFact, then: _PlaysThen) -> list[str]:
        match, broadcast = self._match(fact), self.broadcasts.get(fact.broadcast)
        if match.scanned_file.deleted_at is not None:
            return [_("its file was deleted")]
        if fact.broadcast and broadcast is None:
            return [_("its broadcast was deleted")]
        decided = []
        if match.state not in DECLARED:
            decided = [
                _("its match waits for a decision again, so a correction leaves it out")
                if match.state in WAITING_STATES
                else _("it was decided otherwise, so a correction leaves it out")
            ]
        starts_at = datetime.fromisoformat(fact.cells["starts_at"])
        length_ms = fact.cells["played_ms"]
        if broadcast is not None:
            starts_at += broadcast.starts_at - _begun(fact)
        if not self._is_measured(fact):
            return [*decided, *self._moved(fact, broadcast, starts_at, length_ms)]
        counted = _counted(fact, match, broadcast)
        if not counted:
            return [_("no second of it counts any more")]
        if broadcast is not None:
            starts_at = broadcast.starts_at + _MS * counted[0][0]
        else:
            starts_at += _MS * (counted[0][0] - (fact.start_ms or 0))
        length_ms = intervals.length(counted)
        return [
            *self._moved(fact, broadcast, starts_at, length_ms),
            *then.scan_differences(fact, match),
        ]

    def _moved(
        self, fact: StatementFact, broadcast: Broadcast | None, starts_at: datetime, length_ms: int
    ) -> list[str]:
        """Return how station, time and length of a play now differ from those declared."""
        changes = []
        declared = self.stations[fact.cells["station"]]
        declared_at = datetime.fromisoformat(fact.cells["starts_at"])
        station = broadcast.station if broadcast is not None else declared
        if station != declared or abs(starts_at - declared_at) >= _SAME_TIME:
            changes.append(
                _("declared for %(then)s, now %(now)s")
                % {"then": when(declared, declared_at), "now": when(station, starts_at)}
            )
        before, now = clock(fact.cells["played_ms"]), clock(length_ms)
        if before != now:
            changes.append(_("declared with %(then)s, now %(now)s") % {"then": before, "now": now})
        return changes


@dataclass(frozen=True, slots=True)
class _PlaysThen:
    """What a declaration said of all plays of matches, by their uids of today."""

    plays: Mapping[str, int]
    recordings: Mapping[str, Recording]

    @classmethod
    def of(cls, facts: Sequence[StatementFact], matches: Mapping[str, Match]) -> _PlaysThen:
        """Read it; a match that others were joined with has the plays of all."""
        uids = {matches[fact.match].uid for fact in facts}
        aliases = MatchAlias._base_manager.filter(match__uid__in=uids)
        now = {uid: uid for uid in uids} | dict(aliases.values_list("uid", "match__uid"))
        statements = {fact.statement_id for fact in facts}
        rows = StatementFact.objects.filter(statement__in=statements, match__in=now)
        in_file = {fact.match: fact.cells["plays_in_file"] for fact in rows}
        plays: Counter[str] = Counter()
        for uid, count in in_file.items():
            plays[now[uid]] += count
        recordings = Recording._base_manager.select_related("merged_into").filter(
            uid__in={fact.recording for fact in facts}
        )
        return cls(plays, {row.uid: row for row in recordings})

    def scan_differences(self, fact: StatementFact, match: Match) -> Iterator[str]:
        """Yield what a later scan found otherwise than the declared one."""
        if len(plays_of(match.segments)) > self.plays[match.uid]:
            yield _("a later scan found more plays of it")
        recording = self.recordings.get(fact.recording)
        stays = match.recording.stands_for_it
        if recording is not None and recording.stands_for_it != stays:
            yield _difference(_("Recording"), str(recording.stands_for_it), str(stays))


def _begun(fact: StatementFact) -> datetime:
    """Return when the declaration says that the airing of a play began."""
    return datetime.fromisoformat(fact.cells["aired_at"])


def _counted(
    fact: StatementFact, match: Match, broadcast: Broadcast | None
) -> Sequence[intervals.Interval]:
    """Return the seconds that count of the play that shares the most with a declared one.

    Without a shared moment, a scan found the play elsewhere: then its number in the match
    counts, which ends its id.
    """
    heard = plays_of(match.segments)
    start_ms, end_ms = fact.start_ms or 0, fact.end_ms or 0

    def shared(play: Play) -> int:
        return min(play.end_ms, end_ms) - max(play.start_ms, start_ms)

    play = max(heard, key=shared, default=None)
    if play is None or shared(play) <= 0:
        number = int(fact.cells["play"].rpartition("-")[2])
        play = next(iter(heard[number - 1 : number]), None)
    if play is None:
        return ()
    length_ms = broadcast.length_ms if broadcast is not None else None
    return within(play.counted(match.tally), length_ms)


def when(station: Station, at: datetime) -> str:
    """Return a station and its local time, in words."""
    return f"{station.name}, {local_text(at, station.time_zone)[:19]}"


@dataclass(frozen=True, slots=True)
class RecordingChange:
    """A declared recording of which the catalogue or rights say something else now."""

    recording: Recording
    changes: tuple[str, ...]


def recording_changes(declaration: Declaration, statement: Statement) -> Iterator[RecordingChange]:
    """Yield the recordings that a correction would describe otherwise."""
    territories = {station.territory for station in declaration.stations}
    facts = statement.facts.filter(match="").order_by("pk").iterator(chunk_size=CHUNK)
    for some in batched(facts, CHUNK):
        chunk = [recording_in(fact.cells["described"]) for fact in some]
        uids = [then.uid for then in chunk]
        rows = Recording.objects.defer("facts", "notes").in_bulk(uids, field_name="uid")
        stays = standing_for(row.pk for row in rows.values())
        now = recording_facts(
            list({row.pk: row for row in stays.values()}.values()),
            day=declaration.ends,
            territories=territories,
        )
        for then in chunk:
            row = rows.get(then.uid)
            if row is None or row.pk not in stays:
                continue
            if changes := tuple(_differences(then, now[stays[row.pk].pk])):
                yield RecordingChange(stays[row.pk], changes)


def _differences(then: RecordingFacts, now: RecordingFacts) -> Iterator[str]:
    for field in fields(then):
        value = VALUES.get(_NAMED.get(field.name, field.name))
        before, after = getattr(then, field.name), getattr(now, field.name)
        if value is not None and before != after:
            yield _difference(str(value.label), _as_text(before), _as_text(after))


def _difference(label: str, then: str, now: str) -> str:
    return _("%(label)s: declared as %(then)s, now %(now)s") % {
        "label": label,
        "then": then,
        "now": now,
    }


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(
            entry.name if isinstance(entry, Contributor) else str(entry) for entry in value
        ) or _("nothing")
    return _("nothing") if value is None or value == "" else str(value)
