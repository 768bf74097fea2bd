"""Reads that put several packages together for one page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q

from catalogue.models import Recording, RecordingStatus
from review.models import Match
from scanning import selectors as scanning_selectors


def matches_per_week(*, since: datetime) -> list[dict[str, object]]:
    """Return new and decided matches of each ISO week from ``since`` to now."""
    days = [_monday(since)]
    while days[-1] + timedelta(weeks=1) <= datetime.now(tz=UTC):
        days.append(days[-1] + timedelta(weeks=1))
    new = _per_week("created_at", days)
    decided = _per_week("decided_at", days)
    return [
        {
            "label": f"W{day.isocalendar().week:02d}",
            "begin": day.date().isoformat(),
            "end": (day + timedelta(days=6)).date().isoformat(),
            "new": new[number],
            "decided": decided[number],
        }
        for number, day in enumerate(days)
    ]


def _per_week(column: str, days: Sequence[datetime]) -> list[int]:
    """Count the rows of the week that begins on each of the days.

    Compared in the database: SQLite would call Python to know the week of a row.
    """
    counts = {
        f"week_{number}": Count(
            "pk",
            filter=Q(
                (f"{column}__gte", day), (f"{column}__lt", day + timedelta(weeks=1))
            ),
        )
        for number, day in enumerate(days)
    }
    told = Match.objects.filter((f"{column}__gte", days[0])).aggregate(**counts)
    return [told[name] for name in counts]


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
