"""Reads a declaration's content from the database.

Call it within one read transaction and for the person who declares: it reads what that
person may see. Files are read in chunks with a fixed number of queries each.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from catalogue.models import Recording
from plugins.monitoring.declarations.airings import Airing, Period, airings_in, files_of, local_time
from plugins.monitoring.declarations.earlier import EarlierPlays
from plugins.monitoring.declarations.facts import (
    DeclarationFacts,
    EpisodeFacts,
    PartyFacts,
    PlayFacts,
)
from plugins.monitoring.declarations.figures import station_facts
from plugins.monitoring.declarations.inconsistencies import (
    AiredProgramme,
    Doubt,
    declared_together,
    overlapping,
    programmes_at_once,
    share_conflicts,
)
from plugins.monitoring.declarations.left_out import LeftOut, LeftOutRow, Take
from plugins.monitoring.declarations.models import Declaration
from plugins.monitoring.declarations.recordings import recording_facts, standing_for
from plugins.monitoring.declarations.spooled import Spool, SpooledList
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.models import Station, StreamGap
from reports.cue_sheets import UNKNOWN_MS, usage_of
from reports.plays import Play, plays_of
from review import intervals
from review.choices import MatchState
from review.models import Match
from review.programmes.models import Episode, MusicUse
from review.programmes.values import values_of
from review.timeline import Kind, Timeline, timelines
from scanning.choices import FileStatus
from scanning.models import ScannedFile

DECLARED: Final = (MatchState.CONFIRMED, MatchState.CLEARED, MatchState.UPHELD, MatchState.DISPUTED)
"""The states of declared matches. A licence does not undo a use, and a dispute leaves
the decision as it is until somebody releases the claim."""
_WAITING: Final = (MatchState.PENDING, MatchState.IN_REVIEW, MatchState.ESCALATED)
_READ: Final = (*DECLARED, *_WAITING, MatchState.REJECTED, MatchState.SUPPRESSED)
_UNNAMED: Final = {
    Kind.ENTERED: LeftOut.ENTERED,
    Kind.ITEM: LeftOut.ITEM,
    Kind.SUPPRESSED: LeftOut.SUPPRESSED,
    Kind.REJECTED: LeftOut.UNKNOWN,
    Kind.UNKNOWN: LeftOut.UNKNOWN,
    Kind.NOT_SCANNED: LeftOut.NOT_SCANNED,
    Kind.NOT_DECODED: LeftOut.NOT_DECODED,
}
"""Why sound without a known recording is not declared."""
_SCANNED: Final = (FileStatus.READY, FileStatus.NO_MATCH)
_MOST_DOUBTS: Final = 100
"""So many doubts of one kind are named for each station."""
_MS: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Report = Callable[[int], None]
"""Called with the number of airings read so far."""


@dataclass(frozen=True, slots=True)
class PlaySource:
    """What stands behind a declared play: its match as it was, and its broadcast.

    ``broadcast`` is empty for an hour of a stream.
    """

    version: int
    plays_in_file: int
    broadcast: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a declaration says; ``sources`` has the match of each play, in order."""

    facts: DeclarationFacts
    sources: Sequence[PlaySource]
    airings: Mapping[str, int]
    """How many airings in the period each station has, by the station's id."""
    doubts: Sequence[Doubt]


@dataclass(frozen=True, slots=True)
class _CountedPlay:
    """A play with its match, before the recording's facts are known."""

    facts: PlayFacts
    recording: int
    source: PlaySource


@dataclass(slots=True)
class _PlacedPlay:
    """What tells plays of a station apart; ``place`` is that of the play in a spool."""

    starts_ms: int
    ends_ms: int
    played_ms: int
    uid: str
    recording: int
    place: int

    @classmethod
    def of(cls, play: _CountedPlay, place: int) -> _PlacedPlay:
        """Return it for a play."""
        facts = play.facts
        starts_ms = (facts.starts_at - _EPOCH) // _MS
        return cls(
            starts_ms,
            starts_ms + facts.end_ms - facts.start_ms,
            facts.played_ms,
            facts.uid,
            play.recording,
            place,
        )

    @property
    def order(self) -> tuple[int, str]:
        """Return by what plays are sorted."""
        return self.starts_ms, self.uid


def gather(declaration: Declaration, *, left_out: Take, report: Report | None = None) -> Gathered:
    """Return a declaration's content, and pass on the entries that it leaves out.

    ``declaration`` need not be saved: a check makes one only to look.
    """
    stations = list(declaration.stations)
    period = Period(declaration.begins, declaration.ends)
    earlier = EarlierPlays.of(declaration.replaces)
    spool = Spool[_CountedPlay]()
    places = array("Q")
    used: dict[int, None] = {}
    airings: dict[str, int] = {}
    doubts: list[Doubt] = []
    together: list[tuple[Station, _PlacedPlay, _PlacedPlay]] = []
    read = 0
    for station in stations:
        of_station: list[_PlacedPlay] = []
        programmes: list[AiredProgramme] = []
        airings[station.uid] = 0
        for chunk in airings_in(station, period):
            files = _Files.of(chunk, earlier)
            aired_files = _aired_files(chunk, files, period)
            chunk_plays = _plays_of_chunk(station, aired_files, files, period, left_out)
            of_station += [_PlacedPlay.of(play, spool.add(play)) for play in chunk_plays]
            airings[station.uid] += len(aired_files)
            programmes += _programmes(aired_files)
            read += len(chunk)
            if report is not None:
                report(read)
        declared = _once_each(station, of_station, spool, left_out)
        for placed in declared:
            places.append(placed.place)
            used[placed.recording] = None
        doubts += islice(programmes_at_once(station, programmes), _MOST_DOUBTS)
        pairs = overlapping(declared)
        together += islice(
            ((station, *pair) for pair in pairs if _are_together(*pair)), _MOST_DOUBTS
        )
        _take_gaps(station, period, left_out)
    plays = SpooledList(spool, places, lambda counted: counted.facts)
    recordings = Recording.objects.defer("facts", "notes").in_bulk(list(used))
    territories = {station.territory for station in stations}
    for station, first, second in together:
        titles = str(recordings[first.recording]), str(recordings[second.recording])
        match = spool.at(second.place).facts.match
        doubts.append(declared_together(station, second.starts_ms, match, titles))
    doubts += share_conflicts(list(recordings.values()), territories)
    return Gathered(
        _facts_of(declaration, stations, period, [recordings[key] for key in used], plays),
        SpooledList(spool, places, lambda counted: counted.source),
        airings,
        doubts,
    )


def _facts_of(
    declaration: Declaration,
    stations: Sequence[Station],
    period: Period,
    recordings: Sequence[Recording],
    plays: Sequence[PlayFacts],
) -> DeclarationFacts:
    profile = declaration.profile
    by_recording = recording_facts(
        recordings, day=period.ends, territories={station.territory for station in stations}
    )
    replaced = declaration.replaces
    return DeclarationFacts(
        message_id=declaration.message_id,
        created_at=declaration.message_at,
        begins=period.begins,
        ends=period.ends,
        service=profile.service,
        sender=PartyFacts(
            name=profile.sender,
            dpid=profile.sender_dpid,
            contact=profile.contact,
            street=profile.street,
            city=profile.city,
            phone=profile.phone,
            email=profile.email,
        ),
        recipient=PartyFacts(name=profile.recipient, dpid=profile.recipient_dpid),
        stations=station_facts(stations, period, rights_type=profile.rights_type),
        recordings=[by_recording[recording.pk] for recording in recordings],
        plays=plays,
        replaces=replaced.message_id if replaced is not None else "",
    )


@dataclass(frozen=True, slots=True)
class _Files:
    """What the files of a chunk hold; one query per kind."""

    files: Mapping[int, ScannedFile]
    matches: Mapping[int, Sequence[Match]]
    recordings: Mapping[int, Recording]
    uses: Mapping[tuple[int, int], MusicUse]
    episodes: Mapping[int, EpisodeFacts]
    lines: Mapping[int, Timeline]
    earlier: EarlierPlays
    plays: dict[int, list[Play]] = field(default_factory=dict)

    @classmethod
    def of(cls, airings: Sequence[Airing], earlier: EarlierPlays) -> _Files:
        """Read it."""
        files = files_of(airings)
        lines = timelines(list(files.values()))
        matches = {
            key: [match for match in line.matches if match.state in _READ]
            for key, line in lines.items()
        }
        keys = {match.recording_id for of_file in matches.values() for match in of_file}
        return cls(
            files=files,
            matches=matches,
            recordings=standing_for(keys),
            uses={
                (use.scanned_file_id, use.recording_id): use
                for use in MusicUse.objects.filter(scanned_file__in=files)
            },
            episodes={
                file.pk: EpisodeFacts(
                    programme=file.programme,
                    **values_of(getattr(file, "episode", Episode())),
                )
                for file in files.values()
            },
            lines=lines,
            earlier=earlier,
        )

    def plays_of(self, match: Match) -> list[Play]:
        """Return the plays of a match; files may be on the air more than once."""
        if match.pk not in self.plays:
            self.plays[match.pk] = plays_of(match.segments)
        return self.plays[match.pk]


@dataclass(frozen=True, slots=True)
class _AiredFile:
    """An airing that reaches into the period, with its file and length."""

    airing: Airing
    file: ScannedFile
    length_ms: int


def _aired_files(airings: Iterable[Airing], files: _Files, period: Period) -> list[_AiredFile]:
    in_period = []
    for airing in airings:
        file = files.files.get(airing.file)
        if file is None:
            continue
        length = file.length_ms if airing.length_ms is None else airing.length_ms
        end = airing.at(max(0, length - 1))
        if airing.starts_at.date() <= period.ends and end.date() >= period.begins:
            in_period.append(_AiredFile(airing, file, length))
    return in_period


def _programmes(aired_files: Iterable[_AiredFile]) -> Iterator[AiredProgramme]:
    for aired_file in aired_files:
        if aired_file.airing.is_scheduled:
            begin = (aired_file.airing.starts_at - _EPOCH) // _MS
            end = begin + aired_file.length_ms
            yield AiredProgramme(begin, end, str(aired_file.file.uid), aired_file.file.name)


def _plays_of_chunk(
    station: Station,
    aired_files: Iterable[_AiredFile],
    files: _Files,
    period: Period,
    left_out: Take,
) -> list[_CountedPlay]:
    """Return the plays of some airings that begin in the period."""
    counted: list[_CountedPlay] = []
    for aired_file in aired_files:
        airing, file, length = aired_file.airing, aired_file.file, aired_file.length_ms
        for match in files.matches.get(airing.file, ()):
            if match.state in DECLARED:
                counted += _counted(station, airing, file, match, files, period)
        for row in _undeclared(station, airing, file, files, length):
            if period.has(row.starts_at):
                left_out(row)
    return counted


def _counted(
    station: Station, airing: Airing, file: ScannedFile, match: Match, files: _Files, period: Period
) -> Iterator[_CountedPlay]:
    recording = files.recordings.get(match.recording_id)
    if recording is None:
        return
    use = files.uses.get((file.pk, match.recording_id)) or files.uses.get((file.pk, recording.pk))
    plays = files.plays_of(match)
    uids = files.earlier.ids_of(airing.key, match.uid, plays)
    for uid, play in zip(uids, plays, strict=True):
        counted = within(play.counted(match.tally), airing.length_ms)
        if not counted:
            continue
        start_ms = counted[0][0]
        starts_at = airing.at(start_ms)
        if not period.has(starts_at):
            continue
        usage = usage_of(play.speech, match)
        facts = PlayFacts(
            uid=uid,
            station=station.uid,
            broadcast=airing.key,
            broadcast_starts_at=airing.starts_at,
            broadcast_ms=airing.length_ms or file.length_ms or None,
            starts_at=starts_at,
            start_ms=start_ms,
            end_ms=counted[-1][1],
            played_ms=intervals.length(counted),
            recording=recording.uid,
            match=match.uid,
            file=str(file.uid),
            state=match.state,
            usage=usage.value if usage else "",
            showing=airing.showing,
            listeners=airing.listeners_at(starts_at),
            episode=files.episodes[file.pk],
            **values_of(use or MusicUse()),
        )
        source = PlaySource(
            version=match.version,
            plays_in_file=len(plays),
            broadcast=airing.key if airing.is_scheduled else "",
        )
        yield _CountedPlay(facts, recording.pk, source)


def within(
    sounding: Iterable[intervals.Interval], length_ms: int | None
) -> list[intervals.Interval]:
    """Return the part of some intervals that a broadcast of this length reaches."""
    if length_ms is None:
        return list(sounding)
    return [(start, min(end, length_ms)) for start, end in sounding if start < length_ms]


def _once_each(
    station: Station, counted: Iterable[_PlacedPlay], spool: Spool[_CountedPlay], left_out: Take
) -> list[_PlacedPlay]:
    """Leave one of two plays of a recording that sound together, the longer one.

    Two streams of a station, or a stream and the file that was broadcast, hear the same
    play. They sound together if they share more than half of the shorter one.
    """
    declared: list[_PlacedPlay] = []
    last: dict[int, int] = {}
    for play in sorted(counted, key=lambda placed: placed.order):
        at = last.get(play.recording)
        if at is None or not _are_together(declared[at], play):
            last[play.recording] = len(declared)
            declared.append(play)
            continue
        if play.played_ms > declared[at].played_ms:
            declared[at], play = play, declared[at]
        facts = spool.at(play.place).facts
        left_out(
            LeftOutRow(
                LeftOut.COUNTED,
                station.name,
                facts.starts_at,
                facts.played_ms,
                file=facts.file,
                match=facts.match,
                note=declared[at].uid,
            )
        )
    return sorted(declared, key=lambda placed: placed.order)


def _are_together(first: _PlacedPlay, second: _PlacedPlay) -> bool:
    return intervals.are_together(
        [(first.starts_ms, first.ends_ms)], [(second.starts_ms, second.ends_ms)]
    )


def _undeclared(
    station: Station, airing: Airing, file: ScannedFile, files: _Files, length: int
) -> Iterator[LeftOutRow]:
    """Yield what of an airing is not declared, in the order of causes."""
    if file.status not in _SCANNED:
        yield _row(LeftOut.NOT_SCANNED, station, airing, file, (0, length))
        return
    matches = files.matches.get(file.pk, ())
    for match in matches:
        if match.is_heard:
            yield from _not_declared(station, airing, file, files, match, length)
    for piece in files.lines[file.pk].of(*_UNNAMED):
        if piece.length_ms < UNKNOWN_MS or piece.start_ms >= length:
            continue
        span = (piece.start_ms, min(piece.end_ms, length))
        row = _row(_UNNAMED[piece.kind], station, airing, file, span)
        if piece.item is not None:
            row = replace(row, item=piece.item.uid, note=piece.item.label)
        yield row


def _not_declared(
    station: Station, airing: Airing, file: ScannedFile, files: _Files, match: Match, length: int
) -> Iterator[LeftOutRow]:
    """Yield the plays of a match that is not declared, and what exclusions take."""
    recording = files.recordings.get(match.recording_id)
    why = LeftOut.UNDECIDED if match.state in _WAITING else LeftOut.PUBLIC_DOMAIN
    for play in files.plays_of(match):
        counted = within(play.counted(match.tally), length)
        spans = [(LeftOut.EXCLUDED, span) for span in play.excluded(match.tally)]
        if counted and match.state not in DECLARED:
            begins = counted[0][0]
            spans.append((why, (begins, begins + intervals.length(counted))))
        for cause, span in spans:
            if span[0] < length:
                yield replace(
                    _row(cause, station, airing, file, span),
                    match=match.uid,
                    recording=str(recording) if recording else "",
                    isrc=recording.isrc_normalised if recording else "",
                )


def _row(
    why: LeftOut, station: Station, airing: Airing, file: ScannedFile, span: intervals.Interval
) -> LeftOutRow:
    return LeftOutRow(
        why,
        station.name,
        airing.at(span[0]),
        span[1] - span[0],
        file=str(file.uid),
        file_name=file.name,
    )


def _take_gaps(station: Station, period: Period, left_out: Take) -> None:
    """Hand over the gaps of a station's streams; one query."""
    zone = ZoneInfo(station.time_zone)
    gaps = StreamGap.objects.filter(
        stream__station=station, starts_at__lt=period.until, ends_at__gt=period.from_at
    ).exclude(cause=GapCause.SILENT)
    for gap in gaps.select_related("stream").order_by("starts_at", "pk"):
        starts_at = local_time(gap.starts_at, zone)
        if period.has(starts_at):
            left_out(
                LeftOutRow(
                    LeftOut.GAP,
                    station.name,
                    starts_at,
                    round((gap.ends_at - gap.starts_at) / _MS),
                    note=f"{gap.stream.name}: {gap.cause}",
                )
            )
