"""Summaries of matches by recording, label, account, platform or month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, F, Min, Q, QuerySet, Sum, TextChoices, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower, TruncMonth, TruncWeek
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.accounts.models import User
from base.common.filters import ZONE
from catalogue.selectors import shown_column
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces
from review import selectors as review_selectors
from review.choices import WAITING_STATES, MatchState
from review.filters import MatchFilter
from review.models import Match
from review.timeline import share
from review.timeline.figures import counted_twice
from scanning.models import ScannedFile

SCHEMA = "match-summary/1"
WEEKS = 12
# Matches in these states are no use of our recordings.
_NOT_OURS = (MatchState.REJECTED, MatchState.SUPPRESSED, MatchState.RELEASED)


class By(TextChoices):
    """The subject of a summary row."""

    RECORDING = "recording", _("Recording")
    LABEL = "label", _("Label")
    ACCOUNT = "account", _("Account")
    PLATFORM = "platform", _("Platform")
    MONTH = "month", _("Month")


# What each row is about. Labels, accounts and platforms are one whatever their case, as
# the filters of the lists of matches read them; the row has one of the spellings as name.
_COLUMNS: dict[By, Callable[[], Combinable]] = {
    By.RECORDING: lambda: shown_column("title", path="recording__"),
    By.LABEL: lambda: shown_column("label", path="recording__"),
    By.ACCOUNT: lambda: F("scanned_file__account"),
    By.PLATFORM: lambda: F("scanned_file__platform"),
}
_NAMELESS = {
    By.RECORDING: _("Without a title"),
    By.LABEL: _("Without a label"),
    By.ACCOUNT: _("Without an account"),
    By.PLATFORM: _("Without a platform"),
}
SORTS = (
    *("matches", "files", "waiting", "confirmed", "cleared", "rejected", "suppressed"),
    "matched_ms",
)
"""The numbers by which rows can be sorted."""
_BY_NAME = "name"
_DEFAULT_SORT = "-matched_ms"


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """The counts of one recording, label, account, platform or month.

    ``confirmed`` includes disputed and upheld matches, ``rejected`` released ones.
    ``matched_ms`` leaves out rejected, suppressed and released matches, and a moment of
    a file with several recordings counts once. ``share_pct`` is its share of all audio that passes the filter.
    """

    key: str
    name: str
    matches: int
    files: int
    waiting: int
    confirmed: int
    cleared: int
    rejected: int
    suppressed: int
    matched_ms: int
    share_pct: Decimal | None


def summarise(
    *, filters: MatchFilter, by: By, limit: int | None = None, sort: str = ""
) -> Iterator[SummaryRow]:
    """Yield the rows of a summary, longest matched time first; months in order.

    ``sort`` is one of ``SORTS`` or "name", with a minus in front to begin at the end.
    """
    length_ms = scanned_ms(filters=filters)
    group, spelling = _group(by, filters)
    order = _order(by, sort)
    groups = (
        _matches(filters)
        .annotate(group=group, spelling=spelling)
        .values("group")
        .annotate(name=Min("spelling"), **_COUNTS)
        .order_by(*order)
    )
    twice = counted_twice(_ours(filters).annotate(group=group))
    rows = _once(groups, twice, order[0]) if twice else groups[:limit]
    for row in islice(rows, limit):
        # Programs find labels and accounts in other reports as they are written there.
        key = row["name"] if by in (By.LABEL, By.ACCOUNT) else row["group"]
        yield _row({**row, "group": key}, length_ms)


def _once(
    groups: Iterable[Mapping[str, Any]],  # Any: columns of the database
    twice: Mapping[object, int],
    order: str,
) -> list[dict[str, Any]]:
    """Return rows without what their matches count more than once, in their order."""
    rows = [{**row, "matched_ms": row["matched_ms"] - twice.get(row["group"], 0)} for row in groups]
    if order.removeprefix("-") == "matched_ms":
        rows.sort(key=itemgetter("matched_ms"), reverse=order.startswith("-"))
    return rows


def matches_by(*, filters: MatchFilter, by: By) -> dict[str, int]:
    """Count matches by name, the most first; "" is the name of those without one."""
    group, spelling = _group(by, filters)
    rows = (
        _matches(filters)
        .annotate(group=group, spelling=spelling)
        .values("group")
        .annotate(name=Min("spelling"), matches=Count("pk"))
        .order_by("-matches", "group")
    )
    return {row["name"]: row["matches"] for row in rows}


def nameless(by: By) -> str:
    """Return what a row without a name is about, in words."""
    return str(_NAMELESS[by])


def total(*, filters: MatchFilter) -> SummaryRow:
    """Return the numbers of all matches together: a file counts once."""
    row = {"group": "", **_matches(filters).aggregate(**_COUNTS)}
    twice = counted_twice(_ours(filters).annotate(group=Value("")))
    row["matched_ms"] -= twice.get("", 0)
    return _row(row, scanned_ms(filters=filters))


def _matches(filters: MatchFilter) -> QuerySet[Match]:
    return review_selectors.matches(filters=filters).order_by()


def _ours(filters: MatchFilter) -> QuerySet[Match]:
    """Return the matches whose time is counted."""
    return _matches(filters).exclude(state__in=_NOT_OURS)


def _group(by: By, filters: MatchFilter) -> tuple[Combinable, Combinable]:
    """Return by what matches are one row, and what names it; months name themselves."""
    if by == By.MONTH:
        # Months begin and end in the zone of the filter's days.
        zone = ZoneInfo(filters.get(ZONE) or "UTC")
        return TruncMonth("created_at", tzinfo=zone), Value("")
    column = _COLUMNS[by]()
    if by == By.RECORDING:
        return shown_column("uid", path="recording__"), column
    return Lower(column), column


def _order(by: By, sort: str) -> tuple[str, ...]:
    column = sort.removeprefix("-")
    sign = sort[: len(sort) - len(column)]
    if column in SORTS:
        return (sort, "group")
    if by == By.MONTH:
        return ("-group",) if sort == f"-{_BY_NAME}" else ("group",)
    if column == _BY_NAME:
        return (f"{sign}name", f"{sign}group")
    # By group last, so that ties have a fixed order.
    return (_DEFAULT_SORT, "group")


def _count(*states: MatchState) -> Count:
    return Count("pk", filter=Q(state__in=states))


_COUNTS: dict[str, Aggregate] = {
    "matches": Count("pk"),
    "files": Count("scanned_file", distinct=True),
    "waiting": _count(*WAITING_STATES),
    "confirmed": _count(MatchState.CONFIRMED, MatchState.DISPUTED, MatchState.UPHELD),
    "cleared": _count(MatchState.CLEARED),
    "rejected": _count(MatchState.REJECTED, MatchState.RELEASED),
    "suppressed": _count(MatchState.SUPPRESSED),
    "matched_ms": Sum("matched_ms", filter=~Q(state__in=_NOT_OURS), default=0),
}


def _row(row: Mapping[str, object], length_ms: int) -> SummaryRow:
    group = row["group"]
    key = f"{group:%Y-%m}" if isinstance(group, datetime) else str(group or "")
    counts = {name: int(str(row[name])) for name in _COUNTS}
    return SummaryRow(
        key=key,
        name=str(row.get("name") or key),
        share_pct=share(counts["matched_ms"], length_ms),
        **counts,
    )


def scanned_ms(*, filters: MatchFilter) -> int:
    """Return the total length of the files that pass the filter."""
    files = ScannedFile.objects.filter(filters.file_condition())
    total = files.aggregate(total=Sum("length_ms", default=0))["total"]
    return int(total)


@dataclass(frozen=True, slots=True)
class Week:
    """The matches found and decided in one week."""

    begins: date
    new: int
    decided: int


def trend(*, filters: MatchFilter) -> list[Week]:
    """Return the last weeks including the current one, oldest first."""
    today = datetime.now(tz=UTC).date()
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    matches = _matches(filters)
    new = _by_week(matches, "created_at", first)
    decided = _by_week(matches.filter(Match.decided()), "decided_at", first)
    weeks = [first + timedelta(days=7 * number) for number in range(WEEKS)]
    return [Week(week, new.get(week, 0), decided.get(week, 0)) for week in weeks]


def _by_week(matches: QuerySet[Match], name: str, first: date) -> dict[date, int]:
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    rows = (
        matches.filter(**{f"{name}__gte": begin})
        .annotate(week=TruncWeek(name, tzinfo=UTC))
        .values_list("week")
        .annotate(count=Count("pk"))
    )
    return {week.date(): count for week, count in rows}


_FIELDS = (
    ColumnType("report_schema", ValueType.TEXT),
    ColumnType("by", ValueType.ENUM),
    ColumnType("key", ValueType.TEXT),
    ColumnType("name", ValueType.TEXT),
    ColumnType("matches", ValueType.INTEGER),
    ColumnType("files", ValueType.INTEGER),
    ColumnType("waiting", ValueType.INTEGER),
    ColumnType("confirmed", ValueType.INTEGER),
    ColumnType("cleared", ValueType.INTEGER),
    ColumnType("rejected", ValueType.INTEGER),
    ColumnType("matched_ms", ValueType.INTEGER),
    ColumnType("share_pct", ValueType.DECIMAL),
    ColumnType("suppressed", ValueType.INTEGER),
)


def stream_summary(*, filters: MatchFilter, by: By, user: User) -> Iterator[bytes]:
    """Yield a summary as CSV in the dialect of reports, and record the export."""
    base.audit.services.record(
        case=f"report-summary:{by}",
        action="exported",
        actor=user,
        after={"schema": SCHEMA, "filter": filters.to_query()},
    )
    rows = (_cells(row, by) for row in summarise(filters=filters, by=by))
    return csv_pieces(rows, _FIELDS, Dialect())


def _cells(row: SummaryRow, by: By) -> list[Cell]:
    values = [getattr(row, field.name) for field in _FIELDS[2:]]
    return [SCHEMA, by, *(None if value is None else str(value) for value in values)]
