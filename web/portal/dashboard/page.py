"""Reads the dashboard's widgets, each on its own.

If one widget cannot be read, only its place shows an error; the others still appear.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, FloatField, IntegerField, Min, Q, Value
from django.db.models.functions import Cast, Floor
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.common.reading import read_week
from catalogue.models import Recording, RecordingStatus
from imports.models import CatalogueImport
from reports import summaries
from reports.models import ReportRun
from reports.summaries import By
from review import selectors
from review.choices import MatchState, QueueReason
from review.filters import MatchFilter
from review.models import Match, Policy
from scanning import selectors as scanning_selectors
from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.cloud_jobs import HOUR_MS, sent_ms_this_month
from scanning.models import Container, Scan
from scanning.progress import progress_of
from web.portal.pictures import charts
from web.portal.review.page import lock_of
from web.portal.review.queue import Queue
from web.portal.shared.cards import cards_of
from web.portal.shared.formats import engine_of_scale
from web.portal.shared.lists import COUNTED, count_of
from web.portal.shared.remembered import remembered

logger = logging.getLogger(__name__)

NEXT = 3
LISTED = 8
SCANS = 4
LATEST = 4
PRECISION_DAYS = 90
TOP_SCORE = 100
WEEKS = 12
YOUNG, OLD = timedelta(days=2), timedelta(days=7)


_TENTH = Cast("score", FloatField()) / Value(10.0)
_BAND = Cast(Floor(_TENTH), IntegerField())


@dataclass(frozen=True, slots=True)
class Widget:
    """One part of the dashboard; ``data`` is None if reading it failed.

    A hidden one says nothing yet.
    """

    name: str
    template: str
    data: Any  # Any: each template expects another type
    is_hidden: bool = False

    @property
    def failed(self) -> bool:
        """Return whether reading the widget failed."""
        return self.data is None


# Whether the data of a widget says anything.
_FILLED: dict[str, Callable[[Any], object]] = {
    "numbers": lambda data: any(count for name, count in data.items() if name != "now"),
    "next": lambda data: data["rows"],
    "reasons": lambda data: data.rows,
    "weeks": lambda data: any(week["new"] or week["decided"] for week in data),
    "found": lambda data: data["total"],
    "precision": lambda data: data[0].rows,
    "scans": lambda data: any(data.values()),
    "cloud": bool,
    "latest": lambda data: any(data.values()),
}


def widgets(user: User, *, is_new: bool) -> dict[str, Widget]:
    """Read every widget as this user sees it; return them by name.

    A new installation hides those without content: its first steps say what fills them.
    """
    # Two widgets and the menu show this count, so count once.
    waiting = cache(lambda: count_of(selectors.waiting()))
    reads: dict[str, Callable[[], object]] = {
        "numbers": lambda: numbers(user, waiting),
        "next": lambda: next_in_line(user),
        # The reasons of a very long queue are slow to count.
        "reasons": lambda: (
            reasons() if waiting() <= COUNTED else remembered("reasons", user, reasons)
        ),
        "weeks": lambda: remembered("weeks", user, weeks),
        "found": lambda: remembered("found", user, found_this_week),
        "precision": lambda: remembered("precision", user, precision),
        "scans": scans,
        "cloud": cloud,
        "latest": latest,
    }
    read_widgets = {
        name: _read_widget(name, f"portal/dashboard/_{name}.html", read)
        for name, read in reads.items()
    }
    return {
        name: replace(
            widget, is_hidden=is_new and not widget.failed and not _FILLED[name](widget.data)
        )
        for name, widget in read_widgets.items()
    }


def cards(user: User) -> list[Widget]:
    """Read the cards of other features."""
    return [
        _read_widget(card.template, card.template, partial(card.values, None, user))
        for card in cards_of("dashboard")
    ]


def _read_widget(name: str, template: str, read: Callable[[], object]) -> Widget:
    data = None
    try:
        data = read()
    except Exception:  # one widget must not break the page
        logger.exception("dashboard widget failed", extra={"widget": name})
    return Widget(name, template, data)


def numbers(user: User, count_waiting: Callable[[], int]) -> dict[str, object]:
    """Return the counts of waiting, late, running and failed work."""
    now = timezone.now()
    waiting = selectors.waiting()
    tomorrow = timezone.make_aware(
        datetime.combine(timezone.localdate() + timedelta(days=1), time.min)
    )
    held = waiting.filter(locked_by=user, locked_until__gt=now).aggregate(
        count=Count("pk"), until=Min("locked_until")
    )
    disputes = selectors.open_disputes(overdue=True).aggregate(
        count=Count("pk"), oldest=Min("due_at")
    )
    work = scanning_selectors.worker_health()
    files = dict(
        scanning_selectors.files()
        .filter(status__in=[FileStatus.ERROR, FileStatus.NEEDS_AUDIO])
        .values_list("status")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return {
        "waiting": count_waiting(),
        "due_today": count_of(waiting.filter(due_at__lt=tomorrow)),
        "held": held["count"],
        "held_until": held["until"],
        "overdue": disputes["count"],
        "oldest": disputes["oldest"],
        "open_disputes": selectors.open_disputes().count(),
        "running": work.running,
        "queued": work.queued,
        "failed": files.get(FileStatus.ERROR, 0),
        "needs_audio": files.get(FileStatus.NEEDS_AUDIO, 0),
        "now": now,
    }


def next_in_line(user: User) -> dict[str, object]:
    """Return the first matches of this user's queue."""
    queue = Queue(user=user)
    first = selectors.with_segments(queue.rows()[:NEXT])
    rows = [
        {"match": match, "lock": lock_of(match, user), "url": queue.url_of(match)}
        for match in first
    ]
    return {"rows": rows, "now": timezone.now()}


def reasons() -> charts.BarChart:
    """Return the chart of waiting matches by reason and age."""
    today = timezone.now()
    young, old = today - YOUNG, today - OLD
    rows = (
        selectors.waiting()
        .values("queue_reason")
        .annotate(
            young=Count("queue_reason", filter=Q(created_at__gt=young)),
            middle=Count("queue_reason", filter=Q(created_at__lte=young, created_at__gt=old)),
            old=Count("queue_reason", filter=Q(created_at__lte=old)),
        )
        .order_by()
    )
    bars = [
        charts.BarRow(
            label=str(QueueReason(row["queue_reason"]).label),
            counts=(row["young"], row["middle"], row["old"]),
            query=f"?reason={row['queue_reason']}",
        )
        for row in rows
    ]
    return charts.bar_chart(
        title=_("Queue by reason and age"),
        series=(_("under 2 days"), _("2 to 7 days"), _("over 7 days")),
        rows=bars,
    )


def weeks() -> list[dict[str, object]]:
    """Return the numbers of new and decided matches for each recent week."""
    since = datetime.now(tz=UTC) - timedelta(weeks=WEEKS - 1)
    return matches_per_week(since=since)


def found_this_week() -> dict[str, object]:
    """Count the matches found since Monday (UTC), by label and by platform."""
    today = datetime.now(tz=UTC).date()
    monday = today - timedelta(days=today.weekday())
    fresh = selectors.matches(filters=MatchFilter(found_from=monday)).order_by()
    total = fresh.count()
    return {
        "monday": monday,
        "total": total,
        "query": f"?found_from={monday}",
        **_named("label", By.LABEL, monday),
        **_named("platform", By.PLATFORM, monday),
    }


def _named(name: str, by: By, monday: date) -> dict[str, object]:
    """Return the most frequent labels or platforms, and how many matches have none."""
    counts = summaries.matches_by(filters=MatchFilter(found_from=monday), by=by)
    nameless = counts.pop("", 0)
    top = [
        {
            "name": text,
            "count": count,
            "query": f"?{urlencode({name: text, 'found_from': str(monday)})}",
        }
        for text, count in list(counts.items())[:LISTED]
    ]
    return {f"{name}s": top, f"{name}less": nameless}


def precision() -> list[charts.ShareTable]:
    """Return the share of correct matches by engine, score band and policy.

    A match counts as correct unless a person rejected it. Decisions by programs, policies
    and licences do not count, because they do not test the detection.
    """
    since = datetime.now(tz=UTC).date() - timedelta(days=PRECISION_DAYS)
    decided = Match.objects.filter(
        Match.by_people(),
        Match.decided(),
        decided_at__gte=datetime.combine(since, time.min, tzinfo=UTC),
    ).order_by()
    right = Count("state", filter=~Q(state=MatchState.REJECTED))
    decided_by_people = f"decided=people&decided_from={since}"
    engines = decided.values("scan__engine").annotate(all=Count("*"), right=right)
    policies = (
        decided.filter(policy__in=Policy.objects.all())
        .values("policy__uid", "policy__name")
        .annotate(all=Count("*"), right=right)
        .order_by("policy__name")
    )
    bands = (
        decided.filter(score__isnull=False)
        .annotate(band=_BAND)
        .values("score_scale", "band")
        .annotate(all=Count("*"), right=right)
        .order_by("score_scale", "-band")
    )
    return [
        charts.share_table(
            _("Engine"),
            [
                charts.ShareLine(
                    str(EngineChoice(row["scan__engine"]).label),
                    row["right"],
                    row["all"],
                    f"?engine={row['scan__engine']}&{decided_by_people}",
                )
                for row in engines
            ],
        ),
        charts.share_table(_("Score band"), _bands(bands, decided_by_people)),
        charts.share_table(
            _("Policy"),
            [
                charts.ShareLine(
                    row["policy__name"],
                    row["right"],
                    row["all"],
                    f"?policy={row['policy__uid']}&{decided_by_people}",
                )
                for row in policies
            ],
        ),
    ]


def _bands(
    rows: Iterable[Mapping[str, Any]],  # Any: columns of the database
    decided_by_people: str,
) -> list[charts.ShareLine]:
    """Return one share per ten points of each scale; scales are never mixed."""
    bands = list(rows)
    many = len({row["score_scale"] for row in bands}) > 1
    shares = []
    for row in bands:
        low = row["band"] * 10
        label = f"{low}–{low + 9}" if low < TOP_SCORE else str(low)
        engine = row["score_scale"].partition(":")[2]
        name = f"{label}, {engine_of_scale(engine)}" if many else label
        query = f"?score_min={low}&score_max={low + 9.9}&{decided_by_people}"
        shares.append(charts.ShareLine(name, row["right"], row["all"], query))
    return shares


def scans() -> dict[str, object]:
    """Return running scans, and the files that failed or need audio, latest first."""
    running = (
        Scan.objects.filter(status=ScanStatus.RUNNING)
        .select_related("scanned_file")
        .order_by("started_at", "pk")
    )
    troubled = scanning_selectors.files().filter(
        status__in=[FileStatus.ERROR, FileStatus.NEEDS_AUDIO]
    )
    recent = list(running[:SCANS])
    progress = progress_of(recent)
    return {
        "running": [(scan, progress[scan.pk]) for scan in recent],
        "troubled": list(troubled.order_by("-updated_at", "-pk")[:SCANS]),
    }


@dataclass(frozen=True, slots=True)
class Spend:
    """The hours of audio a container sent to the cloud this month, and its limit."""

    container: Container
    hours: float
    cap: int | None

    @property
    def is_full(self) -> bool:
        """Return whether the monthly limit is reached, so nothing more is sent."""
        return self.cap is not None and self.hours >= self.cap


def cloud() -> list[Spend]:
    """Return this month's use of each container that sends files to the cloud."""
    asking = Container.objects.present().exclude(engine=EngineChoice.EMBEDDED).order_by("name")
    return [
        Spend(
            container, sent_ms_this_month(container=container) / HOUR_MS, container.cloud_cap_hours
        )
        for container in asking[:LISTED]
    ]


def latest() -> dict[str, Sequence[object]]:
    """Return the newest files, imports and report runs."""
    return {
        "files": list(scanning_selectors.files()[:LATEST]),
        "imports": list(CatalogueImport.objects.order_by("-pk")[:LATEST]),
        "runs": list(ReportRun.objects.order_by("-pk")[:LATEST]),
    }


def matches_per_week(*, since: datetime) -> list[dict[str, object]]:
    """Count new and decided matches of each ISO week (UTC) from ``since`` to now."""
    monday = since - timedelta(days=since.weekday())
    days = [monday.replace(hour=0, minute=0, second=0, microsecond=0)]
    while days[-1] + timedelta(weeks=1) <= datetime.now(tz=UTC):
        days.append(days[-1] + timedelta(weeks=1))
    new = _per_week("created_at", days, Q())
    decided = _per_week("decided_at", days, Match.decided())
    return [
        {
            "label": read_week(day),
            "begin": day.date().isoformat(),
            "end": (day + timedelta(days=6)).date().isoformat(),
            "new": new[number],
            "decided": decided[number],
        }
        for number, day in enumerate(days)
    ]


def _per_week(column: str, days: Sequence[datetime], among: Q) -> list[int]:
    """Count the matches, ``among`` some, of the week that begins on each of the days.

    One query compares dates with fixed bounds: to group by week, SQLite would call
    Python for every row.
    """
    counts = {
        f"week_{number}": Count(
            "pk", filter=Q((f"{column}__gte", day), (f"{column}__lt", day + timedelta(weeks=1)))
        )
        for number, day in enumerate(days)
    }
    totals = Match.objects.filter(among, (f"{column}__gte", days[0])).aggregate(**counts)
    return [totals[name] for name in counts]


def first_steps() -> dict[str, bool]:
    """Return which of the three first steps of a new installation are done."""
    return {
        "has_recordings": Recording.objects.exclude(status=RecordingStatus.STUB).exists(),
        "has_files": scanning_selectors.files().exists(),
        "has_reviewed": Match.objects.filter(decided_at__isnull=False).exists(),
    }
