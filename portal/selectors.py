"""Reads that put several packages together for one page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.roles import ROLE_ACTIONS, Action, Role
from catalogue.models import Bucket, Recording, RecordingStatus
from review.choices import MatchState
from review.models import Match
from scanning import selectors as scanning_selectors
from scanning.models import ScannedFile


def count_per_row(rows: QuerySet[Any], link: str) -> Combinable:  # Any: of any model
    """Return how many of ``rows`` point to the outer row by ``link``.

    A subquery is worked out for the rows of the page alone; a join would count for
    the whole table whenever the list is paged or its dates are looked up.
    """
    counted = (
        rows.filter(**{link: OuterRef("pk")})
        .order_by()
        .values(link)
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def shown_matches() -> QuerySet[Match]:
    """Return the matches that the lists of files and recordings count."""
    return Match.objects.exclude(
        state__in=[MatchState.SUPERSEDED, MatchState.SUPPRESSED]
    )


def files_named(text: str) -> QuerySet[ScannedFile]:
    """Return the files that a text names: by name, programme or external id."""
    return scanning_selectors.files().filter(
        Q(name__icontains=text)
        | Q(programme__icontains=text)
        | Q(external_id__iexact=text)
    )


def bucket_names() -> dict[str, str]:
    """Return the name of every bucket by its key, as conditions of rules keep it."""
    return {
        str(key): name for key, name in Bucket.all_objects.values_list("pk", "name")
    }


def deciders() -> QuerySet[User]:
    """Return the people whose role lets them decide matches, by name."""
    roles = [role for role in Role if Action.DECIDE in ROLE_ACTIONS[role]]
    people = User.objects.filter(is_active=True, groups__name__in=roles)
    return people.distinct().order_by("username")


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
