"""Reads that put several packages together for one page."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncWeek

from catalogue.models import Recording, RecordingStatus
from review.models import Match
from scanning import selectors as scanning_selectors


def matches_per_week(*, since: datetime) -> list[dict[str, object]]:
    """Return new and decided matches of each ISO week from ``since`` to now."""
    new = _per_week("created_at", since)
    decided = _per_week("decided_at", since)
    weeks = []
    day = _monday(since)
    while day <= datetime.now(tz=UTC):
        weeks.append(
            {
                "label": f"W{day.isocalendar().week:02d}",
                "begin": day.date().isoformat(),
                "end": (day + timedelta(days=6)).date().isoformat(),
                "new": new[day.date().isoformat()],
                "decided": decided[day.date().isoformat()],
            }
        )
        day += timedelta(weeks=1)
    return weeks


def _per_week(column: str, since: datetime) -> Counter[str]:
    rows = (
        Match.objects.filter(**{f"{column}__gte": _monday(since)})
        .annotate(week=TruncWeek(column, tzinfo=UTC))
        .values("week")
        .annotate(count=Count("*"))
        .order_by("week")
    )
    return Counter({row["week"].date().isoformat(): row["count"] for row in rows})


def _monday(day: datetime) -> datetime:
    start = day - timedelta(days=day.weekday())
    return start.replace(hour=0, minute=0, second=0, microsecond=0)


def first_steps() -> dict[str, bool]:
    """Tell which of the three first steps are done."""
    return {
        "has_recordings": Recording.objects.exclude(
            status=RecordingStatus.STUB
        ).exists(),
        "has_files": scanning_selectors.files().exists(),
        "has_reviewed": Match.objects.filter(decided_at__isnull=False).exists(),
    }
