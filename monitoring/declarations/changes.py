"""Finds what a written declaration says of plays and recordings that is not so any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from catalogue.models import Recording
from common.batches import batched
from monitoring.broadcasts.models import Broadcast
from monitoring.broadcasts.times import local_text
from monitoring.declarations.chunks import CHUNK
from monitoring.declarations.facts import Contributor, RecordingFacts
from monitoring.declarations.formats.values import VALUES
from monitoring.declarations.gathering import DECLARED, within
from monitoring.declarations.keeping import recordings_in
from monitoring.declarations.models import Declaration, DeclaredPlay
from monitoring.declarations.recordings import recording_facts, standing_for
from monitoring.streams.models import Station
from reports.cells import clock
from reports.choices import RunState
from reports.plays import plays_of
from review.models import Match
from review.selectors import with_segments
from review.services import intervals

# What a column calls it, where it does not have the name of the fact.
_NAMED: Final = {"duration_ms": "length", "own_share": "our_share"}
# Files and streams write whole seconds.
_SAME_TIME: Final = timedelta(seconds=1)
_MS: Final = timedelta(milliseconds=1)


def perhaps_changed(plays: QuerySet[DeclaredPlay]) -> QuerySet[DeclaredPlay]:
    """Return the plays of which something may have changed; the others have not."""
    as_declared = Broadcast._base_manager.filter(
        uid=OuterRef("broadcast"),
        station=OuterRef("station"),
        starts_at=OuterRef("broadcast_at"),
        length_ms__isnull=True,
    )
    return plays.filter(
        ~Q(match__state=F("state"))
        | ~Q(match__version=F("version"))
        | Q(match__scanned_file__deleted_at__isnull=False)
        | ~Q(broadcast="") & ~Exists(as_declared)
    )


def changes_of(plays: Iterable[DeclaredPlay]) -> dict[int, tuple[str, ...]]:
    """Return what became of time, station and length of plays, by the play's key.

    The number of queries is fixed. Decisions are not among these changes.
    """
    rows = list(plays)
    uids = {play.broadcast for play in rows if play.broadcast}
    broadcasts = {
        row.uid: row
        for row in Broadcast._base_manager.filter(uid__in=uids).select_related(
            "station"
        )
    }
    measured = [play for play in rows if _is_measured(play, broadcasts)]
    rows_of = Match._base_manager.filter(pk__in={play.match_id for play in measured})
    matches = {
        match.pk: match for match in with_segments(rows_of.select_related("recording"))
    }
    return {play.pk: tuple(_changes(play, broadcasts, matches)) for play in rows}


def _is_measured(play: DeclaredPlay, broadcasts: Mapping[str, Broadcast]) -> bool:
    """Return whether a play's seconds may have changed, so that they are counted again."""
    broadcast = broadcasts.get(play.broadcast)
    is_cut = broadcast is not None and broadcast.length_ms is not None
    has_changed = play.match.version != play.version
    return play.match.state in DECLARED and (is_cut or has_changed)


def _changes(
    play: DeclaredPlay,
    broadcasts: Mapping[str, Broadcast],
    matches: Mapping[int, Match],
) -> list[str]:
    if play.match.scanned_file.deleted_at is not None:
        return [_("its file was deleted")]
    broadcast = broadcasts.get(play.broadcast)
    if play.broadcast and broadcast is None:
        return [_("its broadcast was deleted")]
    starts_at, length_ms = play.starts_at, play.played_ms
    if broadcast is not None and play.broadcast_at is not None:
        starts_at += broadcast.starts_at - play.broadcast_at
    match = matches.get(play.match_id)
    if match is None:
        return _moved(play, broadcast, starts_at, length_ms)
    counted = _counted(play, match, broadcast)
    if not counted:
        return [_("no second of it counts any more")]
    if broadcast is not None:
        starts_at = broadcast.starts_at + _MS * counted[0][0]
    else:
        starts_at += _MS * (counted[0][0] - play.start_ms)
    return [
        *_moved(play, broadcast, starts_at, intervals.length(counted)),
        *_found(play, match),
    ]


def _found(play: DeclaredPlay, match: Match) -> Iterator[str]:
    """Yield what a later scan found otherwise than the declared one."""
    if len(plays_of(match.segments)) > play.plays_in_file:
        yield _("a later scan found more plays of it")
    then, stays = play.recording.stands_for_it, match.recording.stands_for_it
    if then != stays:
        yield _difference(_("Recording"), str(then), str(stays))


def _moved(
    play: DeclaredPlay,
    broadcast: Broadcast | None,
    starts_at: datetime,
    length_ms: int,
) -> list[str]:
    """Return how station, time and length of a play now differ from those declared."""
    changes = []
    station = broadcast.station if broadcast is not None else play.station
    if station != play.station or abs(starts_at - play.starts_at) >= _SAME_TIME:
        changes.append(
            _("declared for %(then)s, now %(now)s")
            % {
                "then": _when(play.station, play.starts_at),
                "now": _when(station, starts_at),
            }
        )
    then, now = clock(play.played_ms), clock(length_ms)
    if then != now:
        changes.append(
            _("declared with %(then)s, now %(now)s") % {"then": then, "now": now}
        )
    return changes


def _counted(
    play: DeclaredPlay, match: Match, broadcast: Broadcast | None
) -> Sequence[intervals.Interval]:
    """Return the seconds that count of a play in a match; its number ends its id."""
    number = int(play.play.rpartition("-")[2])
    heard = plays_of(match.segments)[number - 1 : number]
    length_ms = broadcast.length_ms if broadcast is not None else None
    return [
        each for one in heard for each in within(one.counted(match.tally), length_ms)
    ]


def _when(station: Station, at: datetime) -> str:
    return f"{station.name}, {local_text(at, station.time_zone)[:19]}"


@dataclass(frozen=True, slots=True)
class RecordingChange:
    """A declared recording of which the catalogue or rights say something else now."""

    recording: Recording
    changes: tuple[str, ...]


def recording_changes(declaration: Declaration) -> Iterator[RecordingChange]:
    """Yield the recordings that a correction would describe otherwise."""
    if declaration.state != RunState.READY:
        return
    territories = {station.territory for station in declaration.stations}
    for chunk in batched(recordings_in(declaration.facts), CHUNK):
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
        known = VALUES.get(_NAMED.get(field.name, field.name))
        before, after = getattr(then, field.name), getattr(now, field.name)
        if known is not None and before != after:
            yield _difference(str(known.label), _shown(before), _shown(after))


def _difference(label: str, then: str, now: str) -> str:
    return _("%(label)s: declared %(then)s, now %(now)s") % {
        "label": label,
        "then": then,
        "now": now,
    }


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(
            each.name if isinstance(each, Contributor) else str(each) for each in value
        ) or _("nothing")
    return _("nothing") if value is None or value == "" else str(value)
