"""Applies a kept callback to its file: once, and never backwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction

from catalogue.models import Recording
from catalogue.stubs import make_stub
from scanning import results, selectors
from scanning.choices import (
    CallbackOutcome,
    EngineChoice,
    ScanStage,
    ScanStatus,
    Section,
)
from scanning.engines.acrcloud_results import (
    NO_SCALE,
    SCORE_SCALE,
    ReportedItem,
    digest,
    read_items,
)
from scanning.engines.base import EngineResult, FoundRecording
from scanning.errors import ScanFailed
from scanning.models import InboundCallback, Scan, ScannedFile

# States of the wire protocol.
_PROCESSING = 0
_FINISHED = (1, -1)


@transaction.atomic
def process(*, callback_id: int) -> CallbackOutcome:
    """Apply one callback and keep what became of it."""
    callback = (
        InboundCallback.objects.select_for_update()
        .select_related("container")
        .get(pk=callback_id)
    )
    if callback.outcome not in {CallbackOutcome.QUEUED, CallbackOutcome.ORPHAN}:
        return CallbackOutcome(callback.outcome)
    file = selectors.file_of_callback(
        container=callback.container, file_id=callback.file_id
    )
    if file is None:
        outcome, message = CallbackOutcome.ORPHAN, "No file has this id yet."
    else:
        outcome, message = _apply(file, json.loads(callback.body))
    callback.scanned_file = file
    callback.outcome = outcome
    callback.message = message[:500]
    callback.processed_at = datetime.now(tz=UTC)
    callback.save()
    return outcome


def _apply(file: ScannedFile, body: dict[str, object]) -> tuple[CallbackOutcome, str]:
    state = body["state"]
    if not isinstance(state, int) or state == _PROCESSING:
        return CallbackOutcome.UNCHANGED, "ACRCloud still works on the file."
    answer = digest(state, body.get("results"))
    known = file.scans.filter(engine=EngineChoice.ACRCLOUD, result_sha256=answer)
    if known.exists():
        return CallbackOutcome.UNCHANGED, "The same result is stored already."
    waiting = file.scans.filter(
        engine=EngineChoice.ACRCLOUD, status=ScanStatus.RUNNING
    ).first()
    if state not in _FINISHED:
        return _apply_failure(file, waiting, state)
    scan = waiting or _new_scan(file)
    results.store_result(
        scan=scan, result=_engine_result(body.get("results"), answer), owner=""
    )
    return CallbackOutcome.APPLIED, ""


def _apply_failure(
    file: ScannedFile, waiting: Scan | None, state: int
) -> tuple[CallbackOutcome, str]:
    if waiting is None:
        return CallbackOutcome.UNCHANGED, "A failure came after a result was stored."
    failure = ScanFailed(
        "acrcloud_error",
        f"ACRCloud could not scan {file.name} (state {state}). Check in the ACRCloud "
        "console that it can read the file, then ask for a rescan.",
    )
    results.store_failure(scan=waiting, failure=failure, owner="")
    return CallbackOutcome.APPLIED, str(failure)


def _new_scan(file: ScannedFile) -> Scan:
    """Return a scan for a result that nobody here had asked for: a scan in the cloud."""
    return Scan.objects.create(
        scanned_file=file,
        engine=EngineChoice.ACRCLOUD,
        status=ScanStatus.RUNNING,
        stage=ScanStage.AWAITING_CALLBACK,
        started_at=datetime.now(tz=UTC),
    )


def _engine_result(reported: object, answer: str) -> EngineResult:
    grouped: dict[tuple[int, Section], list[ReportedItem]] = {}
    for item in read_items(reported):
        grouped.setdefault((_recording_id(item), item.section), []).append(item)
    found = tuple(
        _found(recording_id, section, items)
        for (recording_id, section), items in grouped.items()
    )
    return EngineResult(
        engine=EngineChoice.ACRCLOUD,
        engine_version="acrcloud",
        found=found,
        no_match_reason="" if found else "clean_scan",
        sha256=answer,
    )


def _found(
    recording_id: int, section: Section, items: Sequence[ReportedItem]
) -> FoundRecording:
    scores = [item.score for item in items if item.score is not None]
    return FoundRecording(
        recording_id=recording_id,
        section=section,
        score=max(scores, default=None),
        score_scale=SCORE_SCALE if scores else NO_SCALE,
        segments=tuple(
            sorted((item.segment for item in items), key=lambda play: play.start_ms)
        ),
        ids=items[0].ids,
    )


def _recording_id(item: ReportedItem) -> int:
    """Return our recording with the reported id, or a stub that stands for it."""
    known = Recording.objects.filter(acr_id=item.acrid).only("pk").first()
    if known is not None:
        return known.pk
    stub = make_stub(
        Recording(
            acr_id=item.acrid,
            title=item.title,
            artists=list(item.artists),
            album=item.album,
            label=item.label,
            release_date=item.release_date,
            isrc=item.isrc,
            upc=item.upc[:14],
            duration_ms=item.duration_ms,
        )
    )
    return stub.pk
