"""What the dashboard shows: one widget per question, each read on its own.

A widget whose reading fails says so in its place; the others are shown all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.core.cache import caches
from django.db.models import Count, FloatField, IntegerField, Min, Q, QuerySet, Value
from django.db.models.functions import Cast, Floor
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import reach
from accounts.models import User
from catalogue.models import CatalogueImport
from portal import charts
from portal.pages import COUNTED, count_of
from portal.queue import Queue
from portal.review_page import Lock, lock_of
from portal.selectors import matches_per_week
from reports.models import ReportRun
from review import selectors
from review.choices import DECIDED_STATES, MatchState, QueueReason
from review.filters import MatchFilter
from review.models import Match
from scanning import selectors as scanning_selectors
from scanning.choices import EngineChoice, FileStatus, ScanStage, ScanStatus
from scanning.cloud.jobs import HOUR_MS, sent_ms_this_month
from scanning.models import Container, Scan

logger = logging.getLogger(__name__)

NEXT = 3
LISTED = 8
SCANS = 4
LATEST = 4
PRECISION_DAYS = 90
TOP_SCORE = 100
WEEKS = 12
REMEMBERED_SECONDS = 60
YOUNG, OLD = timedelta(days=2), timedelta(days=7)


_TENTH = Cast("score", FloatField()) / Value(10.0)
_BAND = Cast(Floor(_TENTH), IntegerField())


@dataclass(frozen=True, slots=True)
class Widget:
    """A part of the page: what it shows, or that it could not be read."""

    name: str
    template: str
    data: Any  # Any: each template knows its own

    @property
    def failed(self) -> bool:
        """Tell whether reading it failed."""
        return self.data is None


def widgets(user: User) -> dict[str, Widget]:
    """Return every widget by name, read for this person."""
    # Two widgets and the menu show it.
    waiting = cache(lambda: count_of(selectors.waiting()))
    reads: dict[str, Callable[[], object]] = {
        "numbers": lambda: numbers(user, waiting),
        "next": lambda: next_in_line(user),
        "reasons": lambda: _reasons_of(user, waiting),
        "weeks": lambda: _remembered("weeks", user, weeks),
        "found": lambda: _remembered("found", user, found_this_week),
        "precision": lambda: _remembered("precision", user, precision),
        "scans": scans,
        "cloud": cloud,
        "latest": latest,
    }
    return {name: _read(name, read) for name, read in reads.items()}


def _remembered(name: str, user: User, read: Callable[[], object]) -> object:
    """Return figures of weeks and months, read anew once a minute.

    They go over every match of that time, and hardly change from look to look. All who see
    everything share them.
    """
    who = "everybody" if reach.sees_everything() else user.pk
    key = f"dashboard:{name}:{who}:{get_language()}"
    return caches["process"].get_or_set(key, read, timeout=REMEMBERED_SECONDS)


def _reasons_of(user: User, waiting: Callable[[], int]) -> object:
    """Return what waits by reason: as it is now, unless that is a very long list."""
    if waiting() <= COUNTED:
        return reasons()
    return _remembered("reasons", user, reasons)


def _read(name: str, read: Callable[[], object]) -> Widget:
    template = f"portal/dashboard/_{name}.html"
    try:
        return Widget(name, template, read())
    except Exception:  # one part must not take the page with it
        logger.exception("dashboard widget failed", extra={"widget": name})
        return Widget(name, template, None)


def numbers(user: User, count_waiting: Callable[[], int]) -> dict[str, object]:
    """Return what waits, what is late, and what needs a hand."""
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


@dataclass(frozen=True, slots=True)
class NextRow:
    """A match of the queue that comes soon, and who holds it."""

    match: Match
    lock: Lock
    url: str


def next_in_line(user: User) -> dict[str, object]:
    """Return the first matches of the queue as this person finds it."""
    queue = Queue(user=user)
    first = selectors.with_segments(queue.rows()[:NEXT])
    rows = [NextRow(each, lock_of(each, user), queue.url_of(each)) for each in first]
    return {"rows": rows, "now": timezone.now()}


def reasons() -> charts.BarChart:
    """Return what waits by its reason and its age."""
    today = timezone.now()
    young, old = today - YOUNG, today - OLD
    rows = (
        selectors.waiting()
        .values("queue_reason")
        .annotate(
            young=Count("queue_reason", filter=Q(created_at__gt=young)),
            middle=Count(
                "queue_reason", filter=Q(created_at__lte=young, created_at__gt=old)
            ),
            old=Count("queue_reason", filter=Q(created_at__lte=old)),
        )
        .order_by()
    )
    bars = [
        charts.Row(
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
    """Return new and decided matches of the last weeks."""
    since = datetime.now(tz=UTC) - timedelta(weeks=WEEKS - 1)
    return matches_per_week(since=since)


@dataclass(frozen=True, slots=True)
class Found:
    """How many matches of one label or platform were found."""

    name: str
    count: int
    query: str


def found_this_week() -> dict[str, object]:
    """Return what was found since Monday, by label and by platform."""
    today = datetime.now(tz=UTC).date()
    monday = today - timedelta(days=today.weekday())
    fresh = selectors.matches(filters=MatchFilter(found_from=monday)).order_by()
    total = fresh.count()
    return {
        "monday": monday,
        "total": total,
        "query": f"?found_from={monday}",
        "labels": _top(fresh, "recording__label", "label", monday),
        "platforms": _top(fresh, "scanned_file__platform", "platform", monday),
    }


def _top(fresh: QuerySet[Match], column: str, name: str, monday: date) -> list[Found]:
    rows = fresh.exclude(**{column: ""}).values_list(column).annotate(count=Count("pk"))
    return [
        Found(
            text,
            count,
            f"?{urlencode({name: text, 'found_from': str(monday)})}",
        )
        for text, count in rows.order_by("-count", column)[:LISTED]
    ]


def precision() -> list[charts.ShareTable]:
    """Return how much of what people decided was right, by what found or treated it.

    Right is everything but rejected; what a rule decided itself tells nothing.
    """
    since = datetime.now(tz=UTC).date() - timedelta(days=PRECISION_DAYS)
    decided = Match.objects.filter(
        state__in=DECIDED_STATES,
        decided_by__isnull=False,
        decided_at__gte=datetime.combine(since, time.min, tzinfo=UTC),
    ).order_by()
    right = Count("state", filter=~Q(state=MatchState.REJECTED))
    told = f"decided=people&decided_from={since}"
    engines = decided.values("scan__engine").annotate(all=Count("*"), right=right)
    policies = (
        decided.filter(policy__isnull=False)
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
                charts.Share(
                    str(EngineChoice(row["scan__engine"]).label),
                    row["right"],
                    row["all"],
                    f"?engine={row['scan__engine']}&{told}",
                )
                for row in engines
            ],
        ),
        charts.share_table(_("Score band"), _bands(bands, told)),
        charts.share_table(
            _("Policy"),
            [
                charts.Share(
                    row["policy__name"],
                    row["right"],
                    row["all"],
                    f"?policy={row['policy__uid']}&{told}",
                )
                for row in policies
            ],
        ),
    ]


def _bands(
    rows: Iterable[Mapping[str, Any]],  # Any: columns of the database
    told: str,
) -> list[charts.Share]:
    """Return a line per ten points of each scale; two scales are never one."""
    listed = list(rows)
    many = len({row["score_scale"] for row in listed}) > 1
    shares = []
    for row in listed:
        low = row["band"] * 10
        label = f"{low}–{low + 9}" if low < TOP_SCORE else str(low)
        name = f"{row['score_scale'].partition(':')[2]} {label}" if many else label
        query = f"?score_min={low}&score_max={low + 9.9}&{told}"
        shares.append(charts.Share(name, row["right"], row["all"], query))
    return shares


def scans() -> dict[str, object]:
    """Return the scans that run, those that failed lately, and what waits for audio."""
    running = (
        Scan.objects.filter(status=ScanStatus.RUNNING)
        .exclude(stage=ScanStage.AWAITING_CALLBACK)
        .select_related("scanned_file")
        .order_by("started_at", "pk")
    )
    troubled = scanning_selectors.files().filter(
        status__in=[FileStatus.ERROR, FileStatus.NEEDS_AUDIO]
    )
    return {
        "running": list(running[:SCANS]),
        "troubled": list(troubled.order_by("-updated_at", "-pk")[:SCANS]),
    }


@dataclass(frozen=True, slots=True)
class Spend:
    """How much sound a container sent to the cloud this month, and its limit."""

    container: Container
    hours: float
    cap: int | None

    @property
    def is_full(self) -> bool:
        """Tell whether nothing more is sent this month."""
        return self.cap is not None and self.hours >= self.cap


def cloud() -> list[Spend]:
    """Return what each container that asks the cloud has sent this month."""
    asking = Container.objects.exclude(engine=EngineChoice.EMBEDDED).order_by("name")
    return [
        Spend(each, sent_ms_this_month(container=each) / HOUR_MS, each.cloud_cap_hours)
        for each in asking[:LISTED]
    ]


def latest() -> dict[str, Sequence[object]]:
    """Return the newest files, imports and reports."""
    return {
        "files": list(scanning_selectors.files()[:LATEST]),
        "imports": list(CatalogueImport.objects.order_by("-pk")[:LATEST]),
        "runs": list(ReportRun.objects.order_by("-pk")[:LATEST]),
    }
