"""Looks for missing metadata: makes, renews and ends suggestions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Count, Q

from base.accounts.reach import working_for
from base.common.uid import new_uid
from base.jobs.context import JobContext
from base.jobs.errors import Blocked
from base.jobs.services import submit
from catalogue.models import Bucket, Recording
from plugins.filling import deciding, safe_marks
from plugins.filling.choices import FillField, HoldReason, SuggestionState
from plugins.filling.duties import SEARCHING
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.fields import as_ours, is_lacking, value_of
from plugins.filling.indexes import Opened, open_indexes
from plugins.filling.jobs import MATCH
from plugins.filling.merging import MergedValue, merged
from plugins.filling.models import EnrichmentSource, FillingRule, Suggestion
from plugins.filling.open_data.confidence import Model

_AT_ONCE: Final = 200
_LACKING: Final = Q(*(is_lacking(field) for field in FillField), _connector=Q.OR)

Wanted = dict[tuple[str, str], MergedValue]


def plan() -> None:
    """Ask for the search, if there is anything to search in."""
    if EnrichmentSource.objects.exists():
        submit(MATCH, None)


def run(context: JobContext) -> None:
    """Measure the marks, search for all recordings, and apply the rules."""
    try:
        match_all(heartbeat=lambda share: context.report(share, "searching"))
    except EnrichmentRefused as refused:
        # Its indexes were here when the job began.
        raise Blocked(SEARCHING) from refused
    context.finish()


def match_all(
    *, bucket: Bucket | None = None, heartbeat: Callable[[float], None] = lambda _share: None
) -> None:
    """Search for what recordings lack, in all sources that were read.

    Raises ``EnrichmentRefused``, having changed nothing.
    """
    with working_for(None), open_indexes() as opened:
        safe_marks.measure_marks(opened, heartbeat=lambda: heartbeat(0.0))
        rows = safe_marks.candidates().filter(_LACKING)
        rows = rows.prefetch_related("artist_identities")
        if bucket is not None:
            rows = rows.filter(bucket=bucket)
        total, done, last = max(1, rows.count()), 0, 0
        models = safe_marks.models()
        while batch := list(rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
            heartbeat(done / total)
            _suggest(batch, opened, models)
            last, done = batch[-1].pk, done + len(batch)
        end_outdated()
        _hold_shared_codes()
        apply_rules()


def _suggest(batch: Sequence[Recording], opened: Opened, models: dict[str, Model]) -> None:
    # Searching is slow, so it comes before the transaction.
    values_by_key: dict[int, Wanted] = {}
    for recording in batch:
        empty = [field for field in FillField if not value_of(recording, field)]
        candidates = merged(as_ours(recording), opened, fields=empty)
        values_by_key[recording.pk] = {
            (candidate.field, candidate.value): candidate for candidate in candidates
        }
    taken = _find_taken(values_by_key)
    with transaction.atomic():
        _renew(values_by_key, models, taken)


def _find_taken(values_by_key: dict[int, Wanted]) -> dict[str, set[int]]:
    """Return which of the wanted ISRCs recordings have already, by the code."""
    codes = {
        value
        for values in values_by_key.values()
        for field, value in values
        if field == FillField.ISRC
    }
    taken: dict[str, set[int]] = defaultdict(set)
    rows = safe_marks.candidates().filter(Q(isrc_normalised__in=codes) | Q(own_isrc__in=codes))
    for key, isrc, own in rows.values_list("pk", "isrc_normalised", "own_isrc"):
        taken[isrc].add(key)
        taken[own].add(key)
    return taken


def _renew(
    values_by_key: dict[int, Wanted], models: dict[str, Model], taken: dict[str, set[int]]
) -> None:
    """Make the suggestions of some recordings what was found now."""
    earlier: dict[tuple[int, str, str], list[Suggestion]] = defaultdict(list)
    rows = Suggestion.objects.select_for_update().filter(
        recording__in=list(values_by_key),
        state__in=[SuggestionState.OPEN, SuggestionState.REJECTED],
    )
    for row in rows:
        earlier[row.recording_id, row.field, row.value].append(row)
    fresh: list[Suggestion] = []
    renewed: list[Suggestion] = []
    pairs: list[tuple[Suggestion, MergedValue]] = []
    for recording, values in values_by_key.items():
        for (field, value), candidate in values.items():
            earlier_rows = earlier.pop((recording, field, value), [])
            still = next((row for row in earlier_rows if row.state == SuggestionState.OPEN), None)
            if still is None and any(row.ground == candidate.ground for row in earlier_rows):
                # Somebody rejected it on these grounds.
                continue
            hold = candidate.hold
            if field == FillField.ISRC and taken.get(value, set()) - {recording}:
                hold = HoldReason.TAKEN_HERE
            row = still or Suggestion(recording_id=recording, field=field, value=value)
            row.evidence, row.ground, row.hold = (candidate.evidence, candidate.ground, hold)
            share = models[field].confidence(candidate.features)
            row.confidence = Decimal(share).quantize(safe_marks.CONFIDENCE_STEP)
            (fresh if still is None else renewed).append(row)
            pairs.append((row, candidate))
    Suggestion.objects.bulk_create(fresh)
    Suggestion.objects.bulk_update(renewed, ["evidence", "ground", "hold", "confidence"])
    _keep_sources(pairs)
    gone = [
        row.pk
        for rows_of_value in earlier.values()
        for row in rows_of_value
        if row.state == SuggestionState.OPEN
    ]
    Suggestion.objects.filter(pk__in=gone).update(state=SuggestionState.REPLACED)


def _keep_sources(pairs: Sequence[tuple[Suggestion, MergedValue]]) -> None:
    links = Suggestion.sources.through
    keys = [row.pk for row, _candidate in pairs]
    links._default_manager.filter(suggestion__in=keys).delete()
    links._default_manager.bulk_create(
        links(suggestion_id=row.pk, enrichmentsource_id=source.pk)
        for row, candidate in pairs
        for source in {source.pk: source for source, _value in candidate.source_values}.values()
    )


def end_outdated() -> None:
    """End the open suggestions of recordings that are retired or have a value now."""
    rows = Suggestion.objects.filter(state=SuggestionState.OPEN)
    rows.exclude(recording__in=safe_marks.candidates()).update(state=SuggestionState.REPLACED)
    for field in FillField:
        here = rows.filter(field=field)
        here.exclude(is_lacking(field, recording="recording")).update(
            state=SuggestionState.REPLACED
        )


def _hold_shared_codes() -> None:
    """Keep a code from bulk that is suggested for several recordings."""
    rows = Suggestion.objects.filter(state=SuggestionState.OPEN, field=FillField.ISRC)
    several = (
        rows.order_by()
        .values("value")
        .annotate(count=Count("recording", distinct=True))
        .filter(count__gt=1)
    )
    rows.filter(value__in=several.values("value")).update(hold=HoldReason.TAKEN_HERE)


def apply_rules() -> None:
    """Accept what the rules that are on accept."""
    marks = safe_marks.marks()
    for rule in FillingRule.objects.filter(is_on=True, bucket__deleted_at__isnull=True):
        mark = marks.get(rule.field)
        if mark is None:
            continue
        rows = Suggestion.objects.filter(
            state=SuggestionState.OPEN,
            hold="",
            field=rule.field,
            recording__bucket=rule.bucket_id,
            confidence__gte=max(mark, rule.least_confidence),
        )
        act = new_uid("fa")
        if rows.update(act=act):
            deciding.apply_act(act=act, user=None, rule=rule)
