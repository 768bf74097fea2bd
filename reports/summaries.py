"""Summaries of matches by recording, label, account, platform or month."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, F, Q, QuerySet, Sum, TextChoices
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower, TruncMonth, TruncWeek
from django.utils.translation import gettext_lazy as _

import audit.services
from accounts.models import User
from catalogue.selectors import shown_column
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces
from review import selectors as review_selectors
from review.choices import WAITING_STATES, MatchState
from review.filters import MatchFilter
from review.models import Match
from scanning.models import ScannedFile

SCHEMA = "match-summary/1"
WEEKS = 12
# Matches in these states are no use of our recordings.
_NOT_OURS = (MatchState.REJECTED, MatchState.SUPPRESSED, MatchState.RELEASED)
_CENT = Decimal("0.01")


class By(TextChoices):
    """The subject of a summary row."""

    RECORDING = "recording", _("Recording")
    LABEL = "label", _("Label")
    ACCOUNT = "account", _("Account")
    PLATFORM = "platform", _("Platform")
    MONTH = "month", _("Month")


_GROUPS: dict[By, Callable[[], Combinable]] = {
    By.RECORDING: lambda: shown_column("uid", path="recording__"),
    By.LABEL: lambda: shown_column("label", path="recording__"),
    By.ACCOUNT: lambda: F("scanned_file__account"),
    By.PLATFORM: lambda: Lower("scanned_file__platform"),
    By.MONTH: lambda: TruncMonth("created_at", tzinfo=UTC),
}


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """The counts of one recording, label, account, platform or month.

    ``matched_ms`` leaves out rejected, suppressed and released matches. ``share_pct``
    is its share of all audio that passes the filter.
    """

    key: str
    name: str
    matches: int
    files: int
    waiting: int
    confirmed: int
    cleared: int
    rejected: int
    matched_ms: int
    share_pct: Decimal | None


def summarise(
    *, filters: MatchFilter, by: By, limit: int | None = None
) -> Iterator[SummaryRow]:
    """Yield the rows of a summary, longest matched time first; months in order."""
    length_ms = scanned_ms(filters=filters)
    # By group last, so that ties have a fixed order.
    order = ("group",) if by == By.MONTH else ("-matched_ms", "group")
    is_of_one = by == By.RECORDING
    names = {"name": shown_column("title", path="recording__")} if is_of_one else {}
    groups = (
        review_selectors.matches(filters=filters)
        .order_by()
        .annotate(group=_GROUPS[by](), **names)
        .values("group", *names)
        .annotate(
            matches=Count("pk"),
            files=Count("scanned_file", distinct=True),
            waiting=_count(*WAITING_STATES),
            confirmed=_count(
                MatchState.CONFIRMED, MatchState.DISPUTED, MatchState.UPHELD
            ),
            cleared=_count(MatchState.CLEARED),
            rejected=_count(MatchState.REJECTED, MatchState.RELEASED),
            matched_ms=Sum("matched_ms", filter=~Q(state__in=_NOT_OURS), default=0),
        )
        .order_by(*order)
    )
    for row in groups[:limit]:
        yield _row(row, length_ms)


def _count(*states: MatchState) -> Count:
    return Count("pk", filter=Q(state__in=states))


def _row(row: Mapping[str, object], length_ms: int) -> SummaryRow:
    group = row["group"]
    key = f"{group:%Y-%m}" if isinstance(group, datetime) else str(group or "")
    counts = {
        name: int(str(row[name]))
        for name in (
            "matches",
            "files",
            "waiting",
            "confirmed",
            "cleared",
            "rejected",
            "matched_ms",
        )
    }
    share = Decimal(100 * counts["matched_ms"]) / length_ms if length_ms else None
    return SummaryRow(
        key=key,
        name=str(row.get("name") or key),
        share_pct=None if share is None else share.quantize(_CENT),
        **counts,
    )


def scanned_ms(*, filters: MatchFilter) -> int:
    """Return the total length of the files that pass the filter."""
    files = ScannedFile.objects.filter(filters.file_condition())
    total = files.aggregate(total=Sum("duration_ms", default=0))["total"]
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
    matches = review_selectors.matches(filters=filters).order_by()
    new = _by_week(matches, "created_at", first)
    decided = _by_week(matches, "decided_at", first)
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
)


def stream_summary(*, filters: MatchFilter, by: By, user: User) -> Iterator[bytes]:
    """Yield a summary as CSV in the dialect of reports, and record the export."""
    audit.services.record(
        case=f"report-summary:{by}",
        action="exported",
        actor=user,
        after={"schema": SCHEMA, "filter": filters.to_query()},
    )
    rows = (_cells(row, by) for row in summarise(filters=filters, by=by))
    return csv_pieces(rows, _FIELDS, Dialect())


def _cells(row: SummaryRow, by: By) -> list[Cell]:
    values = [getattr(row, field.name) for field in _FIELDS[2:]]
    return [SCHEMA, by, *(None if each is None else str(each) for each in values)]
