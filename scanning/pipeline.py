"""Runs one scan: claim, fetch, decode and fingerprint, match, store.

A worker claims the scan's row by compare-and-set and renews its lease with every
progress report. ``services.scans.requeue_stale_scans`` hands out scans whose worker
died; ``scanning.results`` stores the outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from common.leases import LeaseLost, lease_end, tried_again
from common.media_analysis import AudioRefused, analyse
from common.storage import read_bytes
from recognition import fingerprint as fingerprint_file
from recognition.errors import (
    BadFingerprint,
    IndexUnavailable,
    MissingLayer,
    ParamsMismatch,
    RecognitionError,
)
from recognition.layers import scan_layer
from recognition.params import DEFAULT
from recognition.types import Fingerprint
from scanning import results, turns
from scanning.choices import FileStatus, ScanStage, ScanStatus, SourceType
from scanning.engines import embedded
from scanning.errors import ScanCancelled, ScanFailed
from scanning.models import Scan, ScannedFile
from scanning.sources.links import fetch_link

logger = logging.getLogger(__name__)

_LAYERS = frozenset({"reference", "scan"})
# Progress comes many times a second; the database needs it far less often.
_RENEW_SECONDS = 1.0
# These end a scan as planned; any other exception is retried.
_ANSWERED = (LeaseLost, ScanCancelled, ScanFailed)
# Percent of the progress bar at the start and end of each stage.
_STAGE_SPANS: dict[ScanStage, tuple[int, int]] = {
    ScanStage.FETCHING: (0, 30),
    ScanStage.FINGERPRINTING: (30, 70),
    ScanStage.MATCHING: (70, 99),
}


def run_next(*, owner: str, waited_for: bool = False) -> tuple[int, bool] | None:
    """Run the next scan to its end; return its key and whether it gave a result.

    Return None if no scan may run now. ``waited_for`` considers only scans that a
    person waits for.
    """
    scan_id = turns.claim_next(owner=owner, waited_for=waited_for)
    if scan_id is None:
        logger.info("no scan may run now")
        return None
    return scan_id, _run(scan_id, owner)


def _run(scan_id: int, owner: str) -> bool:
    scan = Scan.objects.select_related("scanned_file__container").get(pk=scan_id)
    ScannedFile.objects.filter(pk=scan.scanned_file_id).update(
        status=FileStatus.PROCESSING, error_code="", message=""
    )
    try:
        return _run_to_its_end(scan, owner)
    except LeaseLost:
        logger.warning("scan %s went to another worker", scan.uid)
        return False


def _run_to_its_end(scan: Scan, owner: str) -> bool:
    mine = Scan.objects.filter(pk=scan.pk, status=ScanStatus.RUNNING, lease_owner=owner)
    try:
        with tried_again(mine, expected=_ANSWERED, stage=ScanStage.PAUSED):
            _run_claimed(scan, owner)
    except ScanCancelled:
        results.store_cancellation(scan=scan, owner=owner)
    except ScanFailed as failure:
        logger.info("scan %s failed: %s", scan.uid, failure.code)
        results.store_failure(scan=scan, failure=failure, owner=owner)
    else:
        return True
    return False


def _run_claimed(scan: Scan, owner: str) -> None:
    file = scan.scanned_file
    try:
        query, warnings = _fingerprint_of(scan, owner)
        result = embedded.recognise(
            file.container,
            query,
            also=scan.also_buckets.present(),
            progress=_reporter(scan, owner, ScanStage.MATCHING),
        )
    except AudioRefused as error:
        raise ScanFailed(error.code, str(error)) from error
    except IndexUnavailable:
        # Retry this one: the index server may be back in a moment.
        raise
    except RecognitionError as error:
        raise ScanFailed("engine_error", f"{file.name}: {error}") from error
    # Damage found while decoding belongs to the result as well.
    result = replace(result, warnings=(*warnings, *result.warnings))
    results.store_result(scan=scan, result=result, owner=owner)


def _fingerprint_of(scan: Scan, owner: str) -> tuple[Fingerprint, tuple[str, ...]]:
    """Return the stored fingerprint of the file, or make and store one."""
    file = scan.scanned_file
    kept = _kept_fingerprint(file)
    if kept is not None:
        return kept, tuple(file.damage)
    if file.source_type == SourceType.FINGERPRINT:
        raise ScanFailed(
            "bad_fingerprint",
            f"{file.name} was fingerprinted with another engine version and has no "
            "audio. Make a new fingerprint from the audio and upload it.",
        )
    if not file.media:
        _bring_audio(scan, owner)
    made = analyse(
        file.media,
        name=file.name,
        folder="scans",
        key=file.uid.hex,
        layers=_LAYERS,
        progress=_reporter(scan, owner, ScanStage.FINGERPRINTING),
    )
    file.duration_ms = made.duration_ms
    file.facts = made.facts | {"warnings": list(made.warnings)}
    file.fingerprint = made.fingerprint_name
    file.waveform = made.waveform_name
    file.save(update_fields=["duration_ms", "facts", "fingerprint", "waveform"])
    return made.fingerprint, made.warnings


def _bring_audio(scan: Scan, owner: str) -> None:
    """Fetch the audio of a link; removed audio of an upload cannot come back."""
    file = scan.scanned_file
    if file.source_type != SourceType.LINK:
        raise ScanFailed(
            "audio_removed",
            f"The audio of {file.name} was removed, and its fingerprint comes from "
            "another engine version. Upload it again.",
        )
    fetch_link(file, progress=_reporter(scan, owner, ScanStage.FETCHING))
    file.refresh_from_db()


def _kept_fingerprint(file: ScannedFile) -> Fingerprint | None:
    """Return the stored fingerprint; None if the engine can no longer read it."""
    if not file.fingerprint:
        return None
    try:
        kept = fingerprint_file.from_bytes(read_bytes(file.fingerprint))
        scan_layer(kept, DEFAULT)
    except (BadFingerprint, MissingLayer, ParamsMismatch):
        logger.warning("fingerprint of %s is unusable and will be made again", file.uid)
        return None
    return kept


def _reporter(scan: Scan, owner: str, stage: ScanStage) -> Callable[[float], None]:
    """Return a progress callback that renews the lease and raises on cancellation."""
    begin, end = _STAGE_SPANS[stage]
    last = -_RENEW_SECONDS

    def report(share: float) -> None:
        nonlocal last
        now = monotonic()
        if now - last < _RENEW_SECONDS:
            return
        last = now
        renewed = Scan.objects.filter(
            pk=scan.pk, status=ScanStatus.RUNNING, lease_owner=owner
        ).update(
            lease_until=lease_end(),
            stage=stage,
            progress=round(begin + (end - begin) * min(1.0, max(0.0, share))),
        )
        if not renewed:
            raise LeaseLost
        if Scan.objects.filter(pk=scan.pk, cancel_requested=True).exists():
            raise ScanCancelled

    # Renew at once, because the previous stage may have taken long.
    report(0.0)
    return report
