"""Measures the safe mark of each field on values that the portal knows and hides."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from base.common.batches import batched
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Recording, RecordingStatus
from plugins.filling import differences
from plugins.filling.choices import FillField, SuggestionState
from plugins.filling.fields import as_ours, cleaned, is_lacking, is_same, value_of
from plugins.filling.indexes import Opened
from plugins.filling.merging import MergedValue, merged
from plugins.filling.models import SafeMark, Suggestion
from plugins.filling.open_data.confidence import MeasuredField, Model, measure

SAMPLE: Final = 5_000
_AT_ONCE: Final = 500
CONFIDENCE_STEP: Final = Decimal("0.0001")


def candidates() -> QuerySet[Recording]:
    """Return the recordings that suggestions are for: ours, and not retired."""
    return Recording.objects.exclude(
        status__in=[RecordingStatus.RETIRED, RecordingStatus.STUB]
    ).exclude(bucket=ACRCLOUD_MUSIC_BUCKET_ID)


def measure_marks(opened: Opened, *, heartbeat: Callable[[], None]) -> None:
    """Measure every field anew and keep what was found."""
    for field in FillField:
        measured = _measure(field, opened, heartbeat)
        SafeMark.objects.update_or_create(
            field=field,
            defaults={
                "mark": rounded(measured.mark),
                "known": measured.values,
                "right": measured.right,
                "above": measured.above,
                "errors": measured.errors,
                "model": asdict(measured.model),
                "measured_at": datetime.now(tz=UTC),
            },
        )


def rounded(mark: float | None) -> Decimal | None:
    """Return a mark as it is stored, in the steps of confidences."""
    return None if mark is None else Decimal(mark).quantize(CONFIDENCE_STEP)


def models() -> dict[str, Model]:
    """Return the model of each field; the usual one where nothing was measured."""
    stored = {row.field: row.model for row in SafeMark.objects.all()}
    return {
        field: Model(**{name: tuple(values) for name, values in stored[field].items()})
        if stored.get(field)
        else Model()
        for field in FillField
    }


def marks() -> dict[str, Decimal]:
    """Return the mark of each field that has one."""
    return {row.field: row.mark for row in SafeMark.objects.all() if row.mark is not None}


def _measure(field: FillField, opened: Opened, heartbeat: Callable[[], None]) -> MeasuredField:
    judged = differences.also_right(field)
    different: list[tuple[int, str, MergedValue]] = []
    features: list[Sequence[float]] = []
    right: list[bool] = []
    in_one_go: list[bool] = []
    for number, recording in enumerate(_sample_recordings(field)):
        heartbeat()
        # A recording that lacks a label often lacks its ISRC as well.
        hidden = {field, FillField.ISRC} if number % 2 else {field}
        ours = as_ours(recording, without=frozenset(hidden))
        for candidate in merged(ours, opened, fields=[field]):
            own_value = value_of(recording, field)
            is_right = is_same(field, candidate.value, own_value)
            if not is_right and not candidate.holds:
                different.append((recording.pk, own_value, candidate))
                is_right = (recording.pk, own_value, candidate.value) in judged
            features.append(candidate.features)
            right.append(is_right)
            in_one_go.append(not candidate.holds)
    differences.keep_differences(field, different)
    return measure(features, right, in_one_go)


def _sample_recordings(field: FillField) -> Iterator[Recording]:
    """Yield a sample of the recordings whose value came from no suggestion."""
    filled = Suggestion.objects.filter(
        recording=OuterRef("pk"), field=field, state=SuggestionState.ACCEPTED
    )
    column = "isrc_normalised" if field == FillField.ISRC else field
    rows = candidates().exclude(is_lacking(column)).exclude(Exists(filled))
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    # The same sample each time, so that a mark changes only if data do.
    chosen = random.Random(field).sample(keys, min(SAMPLE, len(keys)))  # noqa: S311
    for some in batched(chosen, _AT_ONCE):
        part = Recording.objects.filter(pk__in=some)
        part = part.prefetch_related("artist_identities").order_by("pk")
        yield from (row for row in part if cleaned(field, value_of(row, field)))
