"""Reads suggestions, gaps and marks for pages, commands and other packages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    Recording,
    RecordingStatus,
)
from enrichment import marks
from enrichment.choices import FillField, HoldReason, SuggestionState
from enrichment.fields import is_lacking
from enrichment.models import Suggestion


@dataclass(frozen=True, slots=True)
class FieldGap:
    """How many recordings of a bucket lack a field, and what is suggested for it.

    ``suggested`` and ``safe`` count recordings with a suggestion, and with one that may
    be accepted in one go.
    """

    field: FillField
    total: int
    missing: int
    suggested: int
    safe: int

    @property
    def filled(self) -> int:
        """Return how many recordings have the field."""
        return self.total - self.missing


def open_suggestions() -> QuerySet[Suggestion]:
    """Return the suggestions that wait for a decision."""
    return Suggestion.objects.filter(state=SuggestionState.OPEN).exclude(
        recording__status=RecordingStatus.RETIRED
    )


def count_disagreements() -> int:
    """Return how many suggestions wait because their sources disagree."""
    return open_suggestions().filter(hold=HoldReason.DISAGREE).count()


def is_safe() -> Q:
    """Return the condition that a suggestion may be accepted in one go."""
    safe = [
        Q(field=field, hold="", confidence__gte=mark)
        for field, mark in marks.marks().items()
    ]
    # Of a field without a mark, nothing is accepted in one go.
    return reduce(or_, safe, Q(pk__in=[]))


def gaps_by_bucket() -> list[tuple[Bucket, list[FieldGap]]]:
    """Return the gaps of each bucket with recordings that the viewer may see."""
    names = list(FillField)
    counted = (
        marks.candidates()
        .order_by()
        .values("bucket")
        .annotate(
            total=Count("pk"),
            **{f"no_{name}": Count("pk", filter=is_lacking(name)) for name in names},
        )
    )
    # Any: counts under the names made above.
    totals: dict[int, dict[str, Any]] = {row["bucket"]: dict(row) for row in counted}
    suggested = _counts(open_suggestions())
    safe = _counts(open_suggestions().filter(is_safe()))
    buckets = (
        Bucket.objects.present()
        .filter(pk__in=list(totals))
        .exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID)
        .order_by("name")
    )
    return [
        (
            bucket,
            [
                FieldGap(
                    field=name,
                    total=totals[bucket.pk]["total"],
                    missing=totals[bucket.pk][f"no_{name}"],
                    suggested=suggested.get((bucket.pk, name), 0),
                    safe=safe.get((bucket.pk, name), 0),
                )
                for name in names
            ],
        )
        for bucket in buckets
    ]


def _counts(rows: QuerySet[Suggestion]) -> Mapping[tuple[int, str], int]:
    found = (
        rows.order_by()
        .values("recording__bucket", "field")
        .annotate(count=Count("recording", distinct=True))
    )
    return {(row["recording__bucket"], row["field"]): row["count"] for row in found}


def suggestions_of(recording: Recording) -> QuerySet[Suggestion]:
    """Return the open suggestions for one recording."""
    return (
        open_suggestions().filter(recording=recording).order_by("field", "-confidence")
    )


def suggested_for(uids: Iterable[str], field: str) -> tuple[int, int]:
    """Return how many recordings have a suggestion, and how many a safe one."""
    wanted = set(uids)
    # Not in SQL, because a declaration may lack more values than a query may name.
    rows = open_suggestions().filter(field=field).order_by()
    safe = set(rows.filter(is_safe()).values_list("recording__uid", flat=True))
    found = set(rows.values_list("recording__uid", flat=True))
    return len(wanted & found), len(wanted & safe)


@dataclass(frozen=True, slots=True)
class Origin:
    """A source as it was when values were accepted, and how many it gave."""

    name: str
    date: str
    count: int


def origins_of(recordings: QuerySet[Recording], *, until: datetime) -> list[Origin]:
    """Return the sources of values that some recordings had until a moment.

    A value that several sources gave counts for each of them.
    """
    rows = Suggestion.objects.filter(
        recording__in=recordings,
        state=SuggestionState.ACCEPTED,
        decided_at__lte=until,
    )
    counted = Counter(
        (said["name"], said.get("date", ""))
        for evidence in rows.order_by().values_list("evidence", flat=True).iterator()
        for said in evidence
    )
    return [Origin(*key, count) for key, count in sorted(counted.items())]


def acts() -> QuerySet[Suggestion, Any]:  # Any: columns of rows
    """Return the acts that can be undone, the newest first.

    Rows have ``act``, ``state``, ``count``, ``at``, and the person's name.
    """
    decided = Suggestion.objects.filter(
        state__in=[SuggestionState.ACCEPTED, SuggestionState.REJECTED]
    ).exclude(act="")
    return (
        decided.order_by()
        .values("act", "state", "decided_by__username")
        .annotate(count=Count("pk"), at=Max("decided_at"))
        .order_by("-at")
    )


def counted_by_field(rows: QuerySet[Suggestion]) -> list[tuple[str, int]]:
    """Return the label of each field in some suggestions, with their number."""
    counted = rows.order_by().values("field").annotate(count=Count("pk"))
    found = {row["field"]: row["count"] for row in counted}
    return [(str(field.label), found[field]) for field in FillField if field in found]
