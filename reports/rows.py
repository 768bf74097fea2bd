"""The columns of ``match-report/5``: name, type and meaning, in fixed order.

There is a row for each match, and one for each file without a match. So no file is
missing from a report, and a failed scan never reads as "no match".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import JSONField
from django.urls import get_script_prefix, reverse
from django.utils.crypto import salted_hmac

from base.accounts.reach import hidden_keys, sees_every_bucket
from catalogue.models import Exclusion, Recording
from catalogue.selectors import shown_for
from reports.cells import Cell, ColumnType, Value, ValueType, offset
from reports.choices import Mode
from reports.extras import Values, columns_after
from review import rule_names
from review.choices import DisputeStatus, QueueReason
from review.counting import NOTHING, Count
from review.intervals import Interval
from review.models import Dispute, Licence, Match, Policy
from review.programmes.models import Episode, MusicUse
from review.programmes.selectors import NOTHING_TYPED, Programme
from scanning.choices import EngineChoice
from scanning.models import Scan, ScannedFile, Segment
from scanning.tags import territories_of

SCHEMA = "match-report/5"
IN_REACH = "in the buckets that whoever ran this report may see"


class RowKind(StrEnum):
    """The kind of a row."""

    YES = "yes"
    NO = "no"
    ERROR = "error"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class RivalRecording:
    """Another recording found at the same intervals of the file."""

    recording_uid: str
    score: Decimal | None
    title: str


@dataclass(frozen=True, slots=True)
class Case:
    """The subject of a row: a match, or a file without one.

    ``scan`` is the scan behind the row; None if none has run. ``candidates`` are the
    rival recordings, ``exclusions`` the excluded intervals of the recording, and
    ``count`` is the counted time. ``as_of``
    is the time of the report's last event. ``extra`` has values of columns that packages
    above add. ``programme`` is what people typed about the file.
    """

    found: RowKind
    file: ScannedFile
    scan: Scan | None
    match: Match | None = None
    recording: Recording | None = None
    licence: Licence | None = None
    dispute: Dispute | None = None
    segments: Sequence[Segment] = ()
    count: Count = NOTHING
    candidates: Sequence[RivalRecording] = ()
    exclusions: Sequence[Exclusion] = ()
    as_of: datetime | None = None
    extra: Values = field(default_factory=dict)
    programme: Programme = NOTHING_TYPED


class OfFile(Protocol):
    """The subject of a row with a file."""

    @property
    def file(self) -> ScannedFile: ...

    @property
    def programme(self) -> Programme: ...

    @property
    def extra(self) -> Values: ...


KeptRow: TypeAlias = tuple[list[Cell], list[list[Cell]]]
"""A stored row: its cells, and those of each of its segments."""

Subject = TypeVar("Subject", contravariant=True)
RowSubject = TypeVar("RowSubject", bound="OfFile")


@dataclass(frozen=True, slots=True)
class Column(Generic[Subject]):
    """One column of a report on ``Subject``: a case, a segment, a file."""

    name: str
    kind: ValueType
    value: Callable[[Subject], Value]


def _of_match(value: Callable[[Match], Value]) -> Callable[[Case], Value]:
    """Leave the column empty without a match."""
    return lambda case: None if case.match is None else value(case.match)


def _of_recording(value: Callable[[Recording], Value]) -> Callable[[Case], Value]:
    """Leave the column empty without a recording.

    A merged recording is shown as the recording it was merged into, if the viewer may
    see that one.
    """
    return lambda case: None if case.recording is None else value(shown_for(case.recording))


def _detail(name: str) -> Column[Case]:
    """Return the column of one of ``Recording.DETAILS``."""
    is_list = isinstance(Recording._meta.get_field(name), JSONField)
    kind = (
        ValueType.LIST if is_list else ValueType.DATE if name == "release_date" else ValueType.TEXT
    )
    return Column(name, kind, _of_recording(lambda recording: getattr(recording, name)))


def _artist_ids(recording: Recording) -> Value:
    return [str(identity) for identity in recording.artist_identities.all()] or None


def _of_decision(value: Callable[[Match], Value]) -> Callable[[Case], Value]:
    """Leave the column empty until the match is decided."""
    return _of_match(lambda match: value(match) if match.is_decided else None)


def _of_scan(value: Callable[[Scan], Value]) -> Callable[[Case], Value]:
    """Leave the column empty if no scan has run."""
    return lambda case: None if case.scan is None else value(case.scan)


def _found_again_at(case: Case) -> Value:
    """Return when a later scan than the first found the recording; nothing without one."""
    if case.match is None or case.scan is None or case.scan.finished_at is None:
        return None
    is_later = case.scan.finished_at > case.match.created_at
    return case.scan.finished_at if is_later else None


def _measured(value: Callable[[Match], Value], zero: Value = 0) -> Callable[[Case], Value]:
    """Return zero if the scan found nothing, and nothing if it did not finish."""
    nothing: dict[RowKind, Value] = {RowKind.NO: zero}
    return lambda case: nothing.get(case.found) if case.match is None else value(case.match)


def _share_of_file(case: Case) -> Value:
    """Return the share of the file that counts; nothing if its length is unknown."""
    if not case.file.length_ms:
        return None
    return _measured(lambda match: match.source_coverage_pct, Decimal("0.00"))(case)


def _of_episode(value: Callable[[Episode], Value]) -> Callable[[OfFile], Value]:
    """Leave the column empty for a file without an episode."""
    return lambda case: None if case.programme.episode is None else value(case.programme.episode)


def _of_use(value: Callable[[MusicUse], Value]) -> Callable[[Case], Value]:
    """Leave the column empty until somebody says how the file uses the recording."""

    def cell(case: Case) -> Value:
        key = None if case.match is None else case.match.recording_id
        use = None if key is None else case.programme.uses.get(key)
        return None if use is None else value(use) or None

    return cell


def _of_licence(value: Callable[[Licence], Value]) -> Callable[[Case], Value]:
    """Leave the column empty unless a licence clears the match."""
    return lambda case: None if case.licence is None else value(case.licence)


def _dispute_status(case: Case) -> Value:
    """Return the state of the claim; a withdrawn dispute leaves it upheld.

    ``overdue`` depends on the time of the report's last event rather than the clock, so
    that equal rows give equal reports.
    """
    dispute = case.dispute
    if dispute is None:
        return None
    if dispute.status == DisputeStatus.OPEN:
        late = case.as_of is not None and dispute.due_at < case.as_of
        return "overdue" if late else DisputeStatus.OPEN.value
    upheld = dispute.status in (DisputeStatus.UPHELD, DisputeStatus.WITHDRAWN)
    return DisputeStatus.UPHELD.value if upheld else dispute.status


def _valid_until(licence: Licence) -> Value:
    until = licence.valid_until
    return None if until is None else until.isoformat()


def _policy_name(match: Match) -> str:
    """Return the name of the match's policy; "" if the viewer may not see it."""
    return "" if match.policy_id in hidden_keys(Policy) else match.policy_name


def _queue_reason(case: Case) -> Value:
    if case.match is not None and case.match.queue_reason == QueueReason.POLICY:
        # Policy names end with their version, which the reason leaves out.
        name, _, _ = _policy_name(case.match).rpartition(" v")
        return f"policy:{name}"
    if case.match is not None:
        return case.match.queue_reason
    if case.found == RowKind.NO and case.scan is not None and case.scan.no_match_reason:
        return f"no_match:{case.scan.no_match_reason}"
    return None


def interval_texts(intervals: Iterable[Interval]) -> list[str]:
    """Return intervals of a file as ``start-end``."""
    return [f"{offset(start)}-{offset(end)}" for start, end in intervals]


def _segments(case: Case) -> Value:
    if case.match is None:
        return None
    return [
        f"{offset(segment.start_ms)}-{offset(segment.end_ms)}"
        f"@{offset(segment.reference_start_ms)}-{offset(segment.reference_end_ms)}"
        for segment in case.segments
    ]


def _candidates(case: Case) -> Value:
    if case.match is None:
        return None
    return [
        f"{rival.recording_uid}:{'' if rival.score is None else rival.score}:{rival.title}"
        for rival in case.candidates
    ]


def _decided_by(match: Match) -> Value:
    """Return who decided, as a pseudonym if the settings require it.

    An account has the same pseudonym in every report of the installation.
    """
    if not settings.ACRPORTAL_REPORT_PSEUDONYMS or match.decided_by_id is None:
        return rule_names.decider_of(match)
    # Keyed with SECRET_KEY, so that outsiders cannot guess the person.
    digest = salted_hmac("reports.people", str(match.decided_by_id), algorithm="sha256")
    return f"{match.decider}-{digest.hexdigest()[:10]}"


def _engines(case: Case) -> Value:
    """Return both engines if both found the recording."""
    if case.scan is None:
        return None
    if case.match is not None and case.match.second_scan_id is not None:
        return f"{EngineChoice.EMBEDDED}|{EngineChoice.ACRCLOUD}"
    return case.scan.engine


def file_url(file: ScannedFile) -> str:
    """Return the absolute URL of a file's page."""
    return _address("portal:file_detail", str(UUID(int=0)), str(file.uid))


def _address(name: str, stand_in: str, uid: str) -> str:
    """Return the absolute URL of a page; resolving it for every row would be slow."""
    path = _path(name, stand_in, get_script_prefix()).replace(stand_in, uid)
    return f"{settings.ACRPORTAL_BASE_URL}{path}"


@cache
def _path(name: str, stand_in: str, _prefix: str) -> str:
    return reverse(name, args=[stand_in])


def notes_of_file(file: ScannedFile, kind: RowKind) -> Value:
    """Return why a file has no result, or which parts could not be read.

    If the viewer sees only some buckets, the note says so, because other buckets may
    contain matches.
    """
    if kind in (RowKind.YES, RowKind.NO):
        within = "" if sees_every_bucket() else IN_REACH
        return " ".join(filter(None, [file.message, within])) or None
    code = file.error_code or file.status
    return f"{code}: {file.message}" if file.message else code


_T, _E, _I, _D = ValueType.TEXT, ValueType.ENUM, ValueType.INTEGER, ValueType.DECIMAL
_O, _U, _Y, _B, _L = (
    ValueType.OFFSET,
    ValueType.TIME,
    ValueType.DATE,
    ValueType.YES_NO,
    ValueType.LIST,
)

SOURCE_COLUMNS: tuple[Column[OfFile], ...] = (
    Column("source_type", _E, lambda case: case.file.source_type),
    Column("source_name", _T, lambda case: case.file.name),
    Column("source_url", _T, lambda case: case.file.source_url),
    Column("source_platform", _T, lambda case: case.file.platform.lower()),
    Column("source_account", _T, lambda case: case.file.account),
    Column("source_external_id", _T, lambda case: case.file.external_id),
    Column("source_sha256", _T, lambda case: case.file.sha256),
    Column("source_duration_ms", _I, lambda case: case.file.length_ms or None),
    Column("source_published_at", _U, lambda case: case.file.published_at),
)
"""The columns about the file in every report."""

TYPED_COLUMNS: tuple[Column[OfFile], ...] = (
    Column("programme", _T, lambda case: case.file.programme),
    Column("series", _T, _of_episode(lambda episode: episode.series)),
    Column("season", _T, _of_episode(lambda episode: episode.season)),
    Column("episode", _T, _of_episode(lambda episode: episode.number)),
    Column("episode_title", _T, _of_episode(lambda episode: episode.title)),
    Column("tags", _L, lambda case: case.file.tags or None),
)
"""What people typed about the file, at the end of every row."""

TERRITORIES: Column[OfFile] = Column(
    "source_territories", _L, lambda case: territories_of(case.file.tags) or None
)

_OWN_COLUMNS: tuple[Column[Case], ...] = (
    Column("report_schema", _T, lambda case: SCHEMA),
    Column("match_id", _T, _of_match(lambda match: match.uid)),
    Column("match_found", _E, lambda case: case.found.value),
    Column("review_state", _E, _of_match(lambda match: match.state)),
    Column("review_reason", _T, _of_decision(lambda match: match.decision_reason)),
    Column(
        "policy_action",
        _E,
        _of_match(lambda match: "clear" if match.licence_id else match.policy_action or None),
    ),
    Column("policy_name", _T, _of_match(lambda match: _policy_name(match) or None)),
    Column("queue_reason", _T, _queue_reason),
    *SOURCE_COLUMNS,
    Column("recording_id", _T, _of_recording(lambda recording: recording.uid)),
    Column(
        "custom_id", _T, lambda case: None if case.recording is None else case.recording.custom_id
    ),
    _detail("title"),
    _detail("version_title"),
    _detail("artists"),
    _detail("album"),
    _detail("label"),
    _detail("release_date"),
    Column("isrc", _T, _of_recording(lambda recording: recording.isrc_normalised)),
    Column("isrc_status", _E, _of_recording(lambda recording: recording.isrc_status)),
    _detail("upc"),
    _detail("iswc"),
    _detail("writers"),
    _detail("publishers"),
    Column("rights_share_pct", _D, _of_recording(lambda recording: recording.owner_share_pct)),
    Column("territories", _L, _of_recording(lambda recording: recording.territories)),
    Column(
        "match_relation", _E, lambda case: "none" if case.match is None else case.match.relation
    ),
    Column("match_score", _D, _of_match(lambda match: match.score)),
    Column(
        "score_scale", _T, lambda case: "none" if case.match is None else case.match.score_scale
    ),
    Column("speed_pct", _D, _of_match(lambda match: match.speed_pct)),
    Column("pitch_cents", _I, _of_match(lambda match: match.pitch_cents)),
    Column("segment_count", _I, _measured(lambda match: match.segment_count)),
    Column("matched_ms", _I, _measured(lambda match: match.matched_ms)),
    Column("longest_match_ms", _I, _measured(lambda match: match.longest_ms)),
    Column("source_coverage_pct", _D, _share_of_file),
    Column("reference_coverage_pct", _D, _of_match(lambda match: match.reference_coverage_pct)),
    Column("first_start", _O, _of_match(lambda match: match.first_start_ms)),
    Column("last_end", _O, _of_match(lambda match: match.last_end_ms)),
    Column("segments", _L, _segments),
    Column("other_candidates", _L, _candidates),
    Column("engine", _E, _engines),
    Column("engine_version", _T, _of_scan(lambda scan: scan.engine_version)),
    Column("scan_id", _T, _of_scan(lambda scan: scan.uid)),
    Column("detected_at", _U, _of_match(lambda match: match.created_at)),
    Column("found_late", _B, lambda case: case.match is not None and case.match.found_late),
    Column("licence_id", _T, _of_licence(lambda licence: licence.number)),
    Column("licence_valid_until", _Y, _of_licence(_valid_until)),
    Column("decided_by", _T, _of_decision(_decided_by)),
    Column("decided_at", _U, _of_decision(lambda match: match.decided_at)),
    Column("dispute_status", _E, _dispute_status),
    Column(
        "dispute_due_at", _U, lambda case: None if case.dispute is None else case.dispute.due_at
    ),
    Column(
        "case_url",
        _T,
        lambda case: (
            file_url(case.file)
            if case.match is None
            else _address("portal:match", "UID", case.match.uid)
        ),
    ),
    Column(
        "notes",
        _T,
        lambda case: (
            notes_of_file(case.file, case.found) if case.match is None else case.match.note or None
        ),
    ),
    Column("excluded_ms", _I, _of_match(lambda match: match.excluded_ms)),
    Column(
        "counted_parts",
        _L,
        lambda case: None if case.match is None else interval_texts(case.count.counted),
    ),
    Column("edit", _E, _of_match(lambda match: match.edit or None)),
    *TYPED_COLUMNS,
    Column("use", _E, _of_use(lambda use: use.use)),
    Column("origin", _E, _of_use(lambda use: use.origin)),
    TERRITORIES,
    Column("artist_ids", _L, _of_recording(_artist_ids)),
    Column("heard_from_hz", _I, _of_match(lambda match: match.low_hz)),
    Column("heard_to_hz", _I, _of_match(lambda match: match.high_hz)),
    Column("found_again_at", _U, _found_again_at),
    # Empty, not "no": rows stored before the column would read differently.
    Column("lost", _B, _of_match(lambda match: match.lost or None)),
)


def with_extras(
    columns: Iterable[Column[RowSubject]], mode: Mode
) -> tuple[Column[RowSubject], ...]:
    """Return the columns of a report with those that packages above add."""
    complete: list[Column[RowSubject]] = []
    for column in columns:
        complete.append(column)
        complete += [_extra(extra) for extra in columns_after(column.name, mode)]
    return tuple(complete)


def _extra(column: ColumnType) -> Column[OfFile]:
    return Column(column.name, column.kind, lambda row: row.extra.get(column.name))


@cache
def match_columns() -> tuple[Column[Case], ...]:
    """Return the columns of a match report, with those that packages above add."""
    return with_extras(_OWN_COLUMNS, Mode.MATCH)
