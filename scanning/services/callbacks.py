"""Receiving callbacks: check, keep, queue. The work itself is done by the worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

import audit.services
from accounts.models import User
from common.queue import enqueue_with_commit
from scanning import selectors
from scanning.choices import CallbackOutcome, EngineChoice, ScanStatus
from scanning.errors import CallbackRejected, IntakeRefused
from scanning.models import CloudAccount, Container, InboundCallback, ScannedFile
from scanning.tasks import process_callback

_STATES = range(-3, 2)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told."""

    callback: InboundCallback
    repeated: bool
    file_known: bool


def receive(*, container: Container, body: bytes) -> Receipt:
    """Keep a callback's body and queue it; the same body twice is kept once.

    Raises ``CallbackRejected`` for a body that is not a result; then nothing is kept.
    """
    callback = _read(body)
    callback.container = container
    same = InboundCallback.objects.filter(container=container, account=None)
    files = selectors.files_of_callback(container=container, file_id=callback.file_id)
    return _keep(callback, same, files)


def receive_for_account(*, account: CloudAccount, body: bytes) -> Receipt:
    """Keep a callback to an account's address; the file it names says the container.

    Raises ``CallbackRejected`` as ``receive`` does.
    """
    callback = _read(body)
    callback.account = account
    same = InboundCallback.objects.filter(account=account)
    files = selectors.files_of_account(account=account, remote_id=callback.file_id)
    return _keep(callback, same, files)


def _keep(
    callback: InboundCallback,
    same_address: QuerySet[InboundCallback],
    files: QuerySet[ScannedFile],
) -> Receipt:
    file_known = files.exists()
    try:
        with transaction.atomic():
            callback.save()
            enqueue_with_commit(process_callback, callback.pk)
    except IntegrityError:
        earlier = same_address.get(body_sha256=callback.body_sha256)
        return _count_again(earlier, files.first())
    return Receipt(callback, repeated=False, file_known=file_known)


def _count_again(earlier: InboundCallback, file: ScannedFile | None) -> Receipt:
    """Count a repetition; where a rescan waits, the same body may be its result."""
    InboundCallback.objects.filter(pk=earlier.pk).update(
        times_received=F("times_received") + 1
    )
    waits = file is not None and file.scans.filter(
        engine=EngineChoice.ACRCLOUD,
        status=ScanStatus.RUNNING,
        created_at__gt=earlier.received_at,
    )
    if waits and earlier.processed_at is not None:
        replay(callback=earlier)
    return Receipt(earlier, repeated=True, file_known=file is not None)


def replay(*, callback: InboundCallback, user: User | None = None) -> None:
    """Apply a kept callback again, as if it came now; results are never stored twice."""
    with transaction.atomic():
        if user is not None:
            audit.services.record(
                case=f"callback:{callback.pk}",
                action="callback.applied_again",
                actor=user,
                before={"outcome": callback.outcome, "message": callback.message},
            )
        InboundCallback.objects.filter(pk=callback.pk).update(
            outcome=CallbackOutcome.QUEUED,
            message="",
            processed_at=None,
            attempts=0,
            next_attempt_at=None,
        )
        transaction.on_commit(lambda: process_callback.enqueue(callback.pk))


def _read(body: bytes) -> InboundCallback:
    """Return what is kept of a body: its text, and the file it speaks of."""
    try:
        text = body.decode("utf-8")
        content = json.loads(text)
    except UnicodeDecodeError as error:
        raise CallbackRejected("The body is not UTF-8 text.") from error
    except (ValueError, RecursionError) as error:
        raise CallbackRejected(f"The body is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CallbackRejected("The body must be a JSON object.")
    file_id, state = content.get("file_id"), content.get("state")
    if not isinstance(file_id, str) or not 0 < len(file_id) <= 64:
        raise CallbackRejected("'file_id' is missing or not a text of 1–64 characters.")
    if not file_id.isprintable():
        raise CallbackRejected("'file_id' holds characters that cannot be shown.")
    if isinstance(state, bool) or not isinstance(state, int) or state not in _STATES:
        raise CallbackRejected("'state' is missing or not one of -3, -2, -1, 0, 1.")
    if not isinstance(content.get("results", {}), dict | list | None):
        raise CallbackRejected("'results' is neither an object nor a list.")
    sha256 = hashlib.sha256(body).hexdigest()
    return InboundCallback(body=text, body_sha256=sha256, file_id=file_id)


def link_remote_file(
    *, scanned_file: ScannedFile, remote_id: str, user: User | None
) -> None:
    """Say under which id ACRCloud knows a file; callbacks that waited for it go on."""
    taken = ScannedFile.objects.filter(remote_id=remote_id).exclude(pk=scanned_file.pk)
    if remote_id and taken.exists():
        raise IntakeRefused(
            "remote_id_taken", f"Another file already has the ACRCloud id {remote_id}."
        )
    with transaction.atomic():
        audit.services.record(
            case=f"file:{scanned_file.uid}",
            action="file.remote_id_set",
            actor=user or audit.services.SYSTEM,
            before={"remote_id": scanned_file.remote_id},
            after={"remote_id": remote_id},
        )
        scanned_file.remote_id = remote_id
        scanned_file.save(update_fields=["remote_id", "updated_at"])
        transaction.on_commit(lambda: _release_orphans(scanned_file))


def _release_orphans(scanned_file: ScannedFile) -> None:
    waiting = InboundCallback.objects.filter(
        outcome=CallbackOutcome.ORPHAN,
        container=scanned_file.container,
        file_id__in=[scanned_file.remote_id, str(scanned_file.uid)],
    )
    for callback_id in waiting.order_by("id").values_list("pk", flat=True):
        process_callback.enqueue(callback_id)


def requeue_lost_callbacks() -> int:
    """Queue again what was kept but never processed, and give up on old orphans."""
    now = datetime.now(tz=UTC)
    InboundCallback.objects.filter(
        outcome=CallbackOutcome.ORPHAN,
        received_at__lt=now - timedelta(days=settings.ACRPORTAL_ORPHAN_DAYS),
    ).update(
        outcome=CallbackOutcome.REFUSED,
        message="Its file never came.",
        processed_at=now,
    )
    lost = InboundCallback.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        outcome=CallbackOutcome.QUEUED,
        received_at__lt=now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS),
    )
    ids = list(lost.values_list("pk", flat=True)[:1000])
    for callback_id in ids:
        process_callback.enqueue(callback_id)
    return len(ids)
