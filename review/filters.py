"""Filters for lists of matches, shared by pages, exports and commands.

The query string holds the whole state of a list: ``MatchFilter.from_query`` reads it,
``to_query`` writes it. Unreadable values are ignored so that old links work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict

from catalogue.selectors import artists_hold
from review.choices import (
    DECIDED_STATES,
    WAITING_STATES,
    MatchState,
    QueueReason,
    Relation,
)
from review.models.match import Waits
from scanning.choices import EngineChoice
from scanning.models import ScannedFile

# Conditions that also apply to files without a match; the others need a match.
OF_FILES = frozenset(
    {"container", "file", "q", "found_from", "found_until", "platform", "account"}
)

_ID_DIGITS = 18  # the most digits that always fit a 64-bit id


@dataclass(frozen=True, slots=True)
class MatchFilter:
    """Conditions for a list of matches; without any, all live matches pass.

    ``container`` and ``bucket`` are primary keys, ``file`` and ``recording`` uids.
    ``q`` searches title, artists, file name and identifiers. ``found_from``,
    ``found_until``, ``decided_from`` and ``decided_until`` are UTC days, inclusive.
    ``policy`` is a uid; ``by_people`` leaves out decisions of policies and licences.
    """

    states: tuple[str, ...] = ()
    container: int | None = None
    bucket: int | None = None
    file: str = ""
    recording: str = ""
    score_min: Decimal | None = None
    score_max: Decimal | None = None
    relation: str = ""
    queue_reason: str = ""
    found_late: bool = False
    lost: bool = False
    found_from: date | None = None
    found_until: date | None = None
    platform: str = ""
    account: str = ""
    label: str = ""
    decided_from: date | None = None
    decided_until: date | None = None
    by_people: bool = False
    policy: str = ""
    engine: str = ""
    q: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> MatchFilter:
        """Read a query string with the names that ``to_query`` writes."""
        return cls(
            states=_known(query.getlist("state"), MatchState.values),
            container=_number(query.get("container")),
            bucket=_number(query.get("bucket")),
            file=_uuid(query.get("file")),
            recording=(query.get("recording") or "").strip(),
            score_min=_score(query.get("score_min")),
            score_max=_score(query.get("score_max")),
            relation="".join(_known([query.get("relation")], Relation.values)),
            queue_reason="".join(_known([query.get("reason")], QueueReason.values)),
            found_late=query.get("late") == "yes",
            lost=query.get("lost") == "yes",
            found_from=_day(query.get("found_from")),
            found_until=_day(query.get("found_until")),
            platform=(query.get("platform") or "").strip(),
            account=(query.get("account") or "").strip(),
            label=(query.get("label") or "").strip(),
            decided_from=_day(query.get("decided_from")),
            decided_until=_day(query.get("decided_until")),
            by_people=query.get("decided") == "people",
            policy=(query.get("policy") or "").strip(),
            engine="".join(_known([query.get("engine")], EngineChoice.values)),
            q=(query.get("q") or "").strip(),
        )

    def to_query(self) -> dict[str, str | list[str]]:
        """Return the conditions that are set as query parameters."""
        values: Mapping[str, str | list[str]] = {
            "state": list(self.states),
            "container": _text(self.container),
            "bucket": _text(self.bucket),
            "file": self.file,
            "recording": self.recording,
            "score_min": _text(self.score_min),
            "score_max": _text(self.score_max),
            "relation": self.relation,
            "reason": self.queue_reason,
            "late": "yes" if self.found_late else "",
            "lost": "yes" if self.lost else "",
            "found_from": _text(self.found_from),
            "found_until": _text(self.found_until),
            "platform": self.platform,
            "account": self.account,
            "label": self.label,
            "decided_from": _text(self.decided_from),
            "decided_until": _text(self.decided_until),
            "decided": "people" if self.by_people else "",
            "policy": self.policy,
            "engine": self.engine,
            "q": self.q,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def is_about_matches(self) -> bool:
        """Return whether the filter excludes all files without a match."""
        return bool(set(self.to_query()) - OF_FILES)


def match_condition(filters: MatchFilter) -> Q:
    """Return the filter as a condition on ``Match``."""
    condition = _state_condition(filters)
    exact: dict[str, object] = {
        "scanned_file__container_id": filters.container,
        "recording__bucket_id": filters.bucket,
        "scanned_file__uid": filters.file,
        "recording__uid": filters.recording,
        "score__gte": filters.score_min,
        "score__lte": filters.score_max,
        "relation": filters.relation,
        "queue_reason": filters.queue_reason,
        "found_late": filters.found_late or None,
        "lost": filters.lost or None,
        "created_at__gte": _begin_of(filters.found_from),
        "created_at__lt": _end_of(filters.found_until),
        "scanned_file__platform__iexact": filters.platform,
        "scanned_file__account__iexact": filters.account,
        "recording__label__iexact": filters.label,
        "decided_at__gte": _begin_of(filters.decided_from),
        "decided_at__lt": _end_of(filters.decided_until),
        "policy__uid": filters.policy,
        "scan__engine": filters.engine,
    }
    for lookup, value in exact.items():
        if value not in (None, ""):
            condition &= Q((lookup, value))
    if filters.by_people:
        condition &= Q(decided_by__isnull=False)
    if filters.q:
        condition &= search_condition(filters.q)
    return condition


def file_condition(filters: MatchFilter) -> Q:
    """Return the conditions that apply to files without a match, on ``ScannedFile``."""
    condition = Q(deleted_at__isnull=True)
    exact: dict[str, object] = {
        "container_id": filters.container,
        "uid": filters.file,
        "created_at__gte": _begin_of(filters.found_from),
        "created_at__lt": _end_of(filters.found_until),
        "platform__iexact": filters.platform,
        "account__iexact": filters.account,
        "name__icontains": filters.q,
    }
    for lookup, value in exact.items():
        if value not in (None, ""):
            condition &= Q((lookup, value))
    return condition


def _state_condition(filters: MatchFilter) -> Q:
    """Hide superseded matches by default, and deleted files except for decisions."""
    if not filters.states:
        return ~Q(state=MatchState.SUPERSEDED) & (
            in_kept_files() | Q(state__in=DECIDED_STATES)
        )
    # Written out, this condition lets SQLite use the index of waiting matches.
    if set(filters.states) == set(WAITING_STATES):
        return Q(Waits()) & in_kept_files()
    wanted = Q(state__in=filters.states)
    if set(filters.states).isdisjoint(DECIDED_STATES):
        return wanted & in_kept_files()
    return wanted & (in_kept_files() | Q(state__in=DECIDED_STATES))


def in_kept_files() -> Q:
    """Return the condition that a match's file is not deleted.

    Few files are deleted, so listing them once is far faster than a join per match.
    """
    deleted = ScannedFile.objects.filter(deleted_at__isnull=False)
    return ~Q(scanned_file__in=deleted.values("pk"))


def search_condition(text: str) -> Q:
    """Return the condition that ``text`` occurs in the names of a match."""
    return (
        Q(recording__title__icontains=text)
        | artists_hold(text, path="recording__")
        | Q(recording__isrc_normalised__iexact=text)
        | Q(recording__custom_id__iexact=text)
        | Q(scanned_file__name__icontains=text)
        | Q(uid=text)
    )


def _known(given: list[str | None] | list[str], values: list[str]) -> tuple[str, ...]:
    return tuple(value for value in given if value is not None and value in values)


def _number(text: str | None) -> int | None:
    if not text or len(text) > _ID_DIGITS:
        return None
    return int(text) if text.isascii() and text.isdigit() else None


def _uuid(text: str | None) -> str:
    try:
        return str(UUID(text or ""))
    except ValueError:
        return ""


def _score(text: str | None) -> Decimal | None:
    try:
        score = Decimal(text or "")
    except InvalidOperation:
        return None
    return score if score.is_finite() else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        return None


def _begin_of(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, tzinfo=UTC)


def _end_of(day: date | None) -> datetime | None:
    """Return the start of the next day; the last possible day has none."""
    if day is None or day == date.max:
        return None
    return _begin_of(day + timedelta(days=1))


def _text(value: object) -> str:
    return "" if value is None else str(value)
