"""Applies stored callbacks to their files; applying one twice changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from time import sleep

from django.db import connection, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.jobs.context import JobContext
from base.jobs.services import bring_forward
from scanning import ending, results, selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, CallbackOutcome, EngineChoice, ScanStatus
from scanning.cloud_jobs import CLOUD_SCAN, make_called_back_scan
from scanning.engines.acrcloud_recordings import engine_result
from scanning.engines.acrcloud_results import digest
from scanning.errors import ScanFailed
from scanning.models import CloudAccount, InboundCallback, Scan, ScannedFile, SentAs

# Values of ``state`` in the wire protocol.
_PROCESSING = 0
_FINISHED = (1, -1)
_EMBEDDED_ONLY = _("The embedded engine scans this container's files.")

# Ten callbacks within a second are a burst. Processing starts after 30 s at the
# latest, even if the burst goes on.
_BURST_BODIES = 10
_BURST_SECONDS = 1.0
_LONGEST_BURST = timedelta(seconds=30)
_LOOK_SECONDS = 0.1


def let_burst_pass(callback: InboundCallback) -> None:
    """Wait for a burst of callbacks to end, on databases with one writer at a time.

    Senders time out after a few seconds, so the portal stores every body before it
    applies the first. Databases with row locks store and apply at once.
    """
    if connection.features.has_select_for_update:
        return
    received = InboundCallback.objects.values_list("received_at", flat=True)
    end = callback.received_at + _LONGEST_BURST
    newest = received.order_by("-pk")[_BURST_BODIES - 1 : _BURST_BODIES]
    while (now := datetime.now(tz=UTC)) < end:
        before = newest.first()
        if before is None or (now - before).total_seconds() > _BURST_SECONDS:
            return
        sleep(_LOOK_SECONDS)


def run(context: JobContext) -> None:
    """Apply one callback and store the outcome."""
    callback: InboundCallback = context.subject
    let_burst_pass(callback)
    with transaction.atomic():
        file, account = _addressed(callback)
        if file is None:
            outcome, message = (CallbackOutcome.ORPHAN, gettext("No file has this id yet."))
        elif account is not None:
            outcome, message = _take_hint(account, file, json.loads(callback.body))
        else:
            outcome, message = _apply(file, json.loads(callback.body))
        context.finish(
            scanned_file=file,
            container=file.container if file is not None else callback.container,
            outcome=outcome,
            message=message[:500],
            processed_at=datetime.now(tz=UTC),
        )


def _addressed(callback: InboundCallback) -> tuple[ScannedFile | None, CloudAccount | None]:
    """Return the file the callback names and the account to ask for its result."""
    if callback.account is not None:
        files = selectors.files_of_account(account=callback.account, remote_id=callback.file_id)
        return files.first(), callback.account
    if callback.container is None:
        return None, None
    files = selectors.files_of_callback(container=callback.container, file_id=callback.file_id)
    return files.first(), callback.container.cloud_account


def _take_hint(
    account: CloudAccount, file: ScannedFile, body: dict[str, object]
) -> tuple[CallbackOutcome, str]:
    """Fetch the result from the account: the body is unsigned and not trusted."""
    if not file.remote_id:
        return CallbackOutcome.UNCHANGED, gettext("The file was never sent to this account.")
    waiting_scans = Scan.objects.filter(
        cloud_job__account=account,
        cloud_job__remote_id=file.remote_id,
        scanned_file=file,
        status__in=ACTIVE_SCAN_STATUSES,
    )
    if waiting_scans.exists():
        bring_forward(CLOUD_SCAN, waiting_scans)
        return CallbackOutcome.APPLIED, gettext("The result is being fetched from the account.")
    if body["state"] == _PROCESSING:
        return CallbackOutcome.UNCHANGED, gettext("ACRCloud is still working on the file.")
    if file.engine == EngineChoice.EMBEDDED:
        return CallbackOutcome.REFUSED, str(_EMBEDDED_ONLY)
    answer = digest(int(str(body["state"])), body.get("results"))
    scans = file.scans.filter(engine=EngineChoice.ACRCLOUD)
    if scans.filter(result_sha256=answer).exists():
        return CallbackOutcome.UNCHANGED, gettext("This result is already stored.")
    # A scan that a callback began ends as cancelled if it brings nothing new.
    begun_here = scans.exclude(status=ScanStatus.CANCELLED, cloud_job__sent_as=SentAs.CALLED_BACK)
    newest = begun_here.order_by("-pk").first()
    if newest is not None and newest.status == ScanStatus.CANCELLED:
        return CallbackOutcome.UNCHANGED, gettext("The scan was cancelled here.")
    if newest is not None and newest.status in ACTIVE_SCAN_STATUSES:
        return CallbackOutcome.UNCHANGED, gettext("A new scan of the file is on its way.")
    make_called_back_scan(scanned_file=file)
    return CallbackOutcome.APPLIED, gettext("The new result is being fetched from the account.")


def _apply(file: ScannedFile, body: dict[str, object]) -> tuple[CallbackOutcome, str]:
    if file.engine == EngineChoice.EMBEDDED:
        return CallbackOutcome.REFUSED, str(_EMBEDDED_ONLY)
    state = body["state"]
    if not isinstance(state, int) or state == _PROCESSING:
        return CallbackOutcome.UNCHANGED, gettext("ACRCloud is still working on the file.")
    answer = digest(state, body.get("results"))
    waiting = selectors.scans_awaiting_callback().filter(scanned_file=file).first()
    if waiting is None:
        return CallbackOutcome.UNCHANGED, _why_unasked(file, answer)
    if state not in _FINISHED:
        failure = ScanFailed(
            "acrcloud_error",
            gettext(
                "ACRCloud could not scan %(name)s (state %(state)s). Check "
                "in the ACRCloud console that it can read the file, then "
                "ask for a rescan."
            )
            % {"name": file.name, "state": state},
        )
        ending.store_failure(scan=waiting, failure=failure)
        return CallbackOutcome.APPLIED, str(failure)
    results.store_result(scan=waiting, result=engine_result(body.get("results"), answer))
    return CallbackOutcome.APPLIED, ""


def _why_unasked(file: ScannedFile, answer: str) -> str:
    """Explain why the callback changes nothing; only a waiting scan accepts one."""
    stored = file.scans.filter(engine=EngineChoice.ACRCLOUD, result_sha256=answer)
    if stored.exists():
        return gettext("This result is already stored.")
    return gettext(
        "No scan of this file is waiting for ACRCloud. To store the result, scan the "
        "file again, then apply the callback again."
    )
