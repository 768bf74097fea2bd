"""Converts ACRCloud's reports into an engine result with recordings of our own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from base.common.databases import violates
from base.common.phrases import for_the_record
from catalogue.models import Recording, RecordingStatus
from catalogue.selectors import own_recording_with_isrc
from catalogue.services import add_stub
from scanning.choices import NoMatchReason, Section
from scanning.engines.acrcloud_results import (
    NO_SCALE,
    SCORE_SCALE,
    ReportedItem,
    read_items,
    read_other_sections,
)
from scanning.engines.base import EngineResult, FoundRecording

MOST_RECORDINGS: Final = 1_000
"""A result is stored in one transaction, and a file of ten hours has some hundreds."""


def engine_result(reported: object, sha256: str) -> EngineResult:
    """Return the result in a callback's body, whose digest is ``sha256``."""
    by_id: dict[str, list[ReportedItem]] = {}
    for item in read_items(reported):
        by_id.setdefault(item.acrid, []).append(item)
    recordings = list(by_id.values())[:MOST_RECORDINGS]
    grouped: dict[tuple[int, Section], list[ReportedItem]] = {}
    for item in chain.from_iterable(recordings):
        # The cloud reports each segment as an entry of its own.
        grouped.setdefault((_recording_id(item), item.section), []).append(item)
    detections = tuple(
        _make_recording(recording_id, section, items)
        for (recording_id, section), items in grouped.items()
    )
    return EngineResult(
        engine_version="acrcloud",
        found=detections,
        no_match_reason="" if detections else NoMatchReason.CLEAN_SCAN,
        warnings=_left_out(len(by_id)),
        sha256=sha256,
        other_sections=read_other_sections(reported),
    )


def _left_out(count: int) -> tuple[str, ...]:
    """Return a warning if a result names more recordings than are kept."""
    if count <= MOST_RECORDINGS:
        return ()
    with for_the_record():
        text = gettext(
            "ACRCloud named %(count)s recordings in this file. Only the first %(most)s were kept."
        )
    return (text % {"count": count, "most": MOST_RECORDINGS},)


def _make_recording(
    recording_id: int, section: Section, items: Sequence[ReportedItem]
) -> FoundRecording:
    scores = [item.score for item in items if item.score is not None]
    return FoundRecording(
        recording_id=recording_id,
        section=section,
        score=max(scores, default=None),
        score_scale=SCORE_SCALE if scores else NO_SCALE,
        segments=tuple(
            sorted((item.segment for item in items), key=lambda segment: segment.start_ms)
        ),
        ids=items[0].ids,
    )


def _recording_id(item: ReportedItem) -> int:
    """Return our recording for the reported id or ISRC, or a stub for it.

    Our own recording outranks a stub, because it may have been added after the cloud
    first reported the id, and one that was retired.
    """
    stored = Recording.objects.filter(acr_id=item.acrid).first()
    is_own = stored is not None and stored.status != RecordingStatus.STUB
    if stored is not None and is_own and not stored.is_given_up:
        return stored.pk
    own = own_recording_with_isrc(item.isrc)
    if own is not None:
        return own.pk
    if stored is not None:
        return stored.pk
    return _stub_of(item).pk


def _stub_of(item: ReportedItem) -> Recording:
    """Create a stub, or return the one another worker has just created."""
    stub = Recording(
        acr_id=item.acrid,
        title=item.title,
        artists=list(item.artists),
        album=item.album,
        label=item.label,
        release_date=item.release_date,
        isrc=item.isrc,
        # The column holds a GTIN-14; longer codes are not UPCs.
        upc=item.upc[:14],
        duration_ms=item.duration_ms,
    )
    try:
        # The savepoint keeps the outer transaction usable after a conflict.
        with transaction.atomic():
            return add_stub(stub)
    except IntegrityError as error:
        if not violates(error, Recording, "acr_id"):
            raise
        return Recording.objects.get(acr_id=item.acrid)
