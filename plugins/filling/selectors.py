"""Reads suggestions, gaps and marks for pages, commands and other packages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket, Recording, RecordingStatus
from plugins.filling import safe_marks
from plugins.filling.choices import FillField, HoldReason, SuggestionState
from plugins.filling.fields import is_lacking
from plugins.filling.models import Suggestion


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
    retired = Recording.objects.filter(pk=OuterRef("recording"), status=RecordingStatus.RETIRED)
    # Not a join, for which SQLite reads all recordings first, even for one page.
    return Suggestion.objects.filter(~Exists(retired), state=SuggestionState.OPEN)


def count_disagreements() -> int:
    """Return how many suggestions wait because their sources disagree."""
    return open_suggestions().filter(hold=HoldReason.DISAGREE).count()


def is_safe() -> Q:
    """Return the condition that a suggestion may be accepted in one go."""
    safe = [
        Q(field=field, hold="", confidence__gte=mark) for field, mark in safe_marks.marks().items()
    ]
    # Of a field without a mark, nothing is accepted in one go.
    return reduce(or_, safe, Q(pk__in=[]))


def gaps_by_bucket() -> list[tuple[Bucket, list[FieldGap]]]:
    """Return the gaps of each bucket with recordings that the viewer may see."""
    names = list(FillField)
    counted = (
        safe_marks.candidates()
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
    grouped = (
        rows.order_by()
        .values("recording__bucket", "field")
        .annotate(count=Count("recording", distinct=True))
    )
    return {(row["recording__bucket"], row["field"]): row["count"] for row in grouped}


def suggestions_of(recording: Recording) -> QuerySet[Suggestion]:
    """Return the open suggestions for one recording."""
    return open_suggestions().filter(recording=recording).order_by("field", "-confidence")


def suggested_for(uids: Iterable[str], field: str) -> tuple[int, int]:
    """Return how many recordings have a suggestion, and how many a safe one."""
    keys = set(uids)
    # Not in SQL, because a declaration may lack more values than a query may name.
    rows = open_suggestions().filter(field=field).order_by()
    safe = set(rows.filter(is_safe()).values_list("recording__uid", flat=True))
    suggested = set(rows.values_list("recording__uid", flat=True))
    return len(keys & suggested), len(keys & safe)


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
        recording__in=recordings, state=SuggestionState.ACCEPTED, decided_at__lte=until
    )
    counted = Counter(
        (entry["name"], entry.get("date", ""))
        for evidence in rows.order_by().values_list("evidence", flat=True).iterator()
        for entry in evidence
    )
    return [Origin(*key, count) for key, count in sorted(counted.items())]


@dataclass(frozen=True, slots=True)
class Act:
    """What one person, or a rule (``username`` is ""), accepted or rejected at once."""

    uid: str
    state: str
    username: str
    at: datetime
    count: int


def last_acts(most: int) -> list[Act]:
    """Return the last acts that can be undone, the newest first."""
    decided = Suggestion.objects.filter(decided_at__isnull=False)
    # Indexes alone answer this and the count, because an act may have many rows.
    newest: dict[str, int] = {}
    for act, pk in decided.order_by("-decided_at").values_list("act", "pk").iterator():
        newest.setdefault(act, pk)
        if len(newest) == most:
            break
    counted = decided.filter(act__in=newest).order_by().values("act")
    counts = dict(counted.annotate(count=Count("pk")).values_list("act", "count"))
    rows = Suggestion.objects.select_related("decided_by").in_bulk(newest.values())
    return [
        Act(
            uid=act,
            state=row.state,
            username=row.decided_by.username if row.decided_by else "",
            at=row.decided_at,
            count=counts[act],
        )
        for act, pk in newest.items()
        if (row := rows[pk]) and row.decided_at
    ]


def counted_by_field(rows: QuerySet[Suggestion]) -> list[tuple[str, int]]:
    """Return the label of each field in some suggestions, with their number."""
    counted = rows.order_by().values("field").annotate(count=Count("pk"))
    counts = {row["field"]: row["count"] for row in counted}
    return [(str(field.label), counts[field]) for field in FillField if field in counts]
