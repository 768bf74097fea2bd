"""Receives callbacks: validates and stores them, and asks for their jobs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, QuerySet, Sum

import base.audit.services
from base.accounts.models import User
from base.common.databases import violates
from base.jobs.services import submit, submit_for_new, try_subject_again
from scanning import selectors
from scanning.choices import CallbackOutcome, EngineChoice, ScanStatus
from scanning.errors import CallbackLimit, CallbackRejected, IntakeRefused
from scanning.jobs import CALLBACK_RECEIVED
from scanning.models import CloudAccount, Container, InboundCallback, ScannedFile

_STATES = range(-3, 2)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender learns about its callback."""

    callback: InboundCallback
    repeated: bool
    file_known: bool


def receive(*, container: Container, body: bytes) -> Receipt:
    """Store and queue a callback's body; the same body is stored once.

    Raise ``CallbackRejected`` and store nothing if the body is not a result.
    """
    callback = _read(body)
    callback.container = container
    same = InboundCallback.objects.filter(container=container, account=None)
    files = selectors.files_of_callback(container=container, file_id=callback.file_id)
    return _keep(callback, same, files)


def receive_for_account(*, account: CloudAccount, body: bytes) -> Receipt:
    """Store a callback to an account's address; its file determines the container.

    Raise ``CallbackRejected`` as ``receive`` does.
    """
    callback = _read(body)
    callback.account = account
    same = InboundCallback.objects.filter(account=account)
    files = selectors.files_of_account(account=account, remote_id=callback.file_id)
    return _keep(callback, same, files)


def _keep(
    callback: InboundCallback, same_address: QuerySet[InboundCallback], files: QuerySet[ScannedFile]
) -> Receipt:
    # Load only the keys: callbacks arrive in bursts.
    callback.scanned_file = file = files.only("container").first()
    try:
        with transaction.atomic():
            if file is None:
                _check_room(callback, same_address)
            callback.save()
            submit_for_new(CALLBACK_RECEIVED, callback)
    except IntegrityError as error:
        # Insert first and handle the conflict: callbacks arrive concurrently.
        once = ("callback_body_once", "callback_account_body_once")
        if not violates(error, InboundCallback, *once):
            raise
        earlier = same_address.get(body_sha256=callback.body_sha256)
        # Count a repeated body; if a rescan waits, it may be that scan's result.
        InboundCallback.objects.filter(pk=earlier.pk).update(times_received=F("times_received") + 1)
        waits = file is not None and file.scans.filter(
            engine=EngineChoice.ACRCLOUD,
            status=ScanStatus.AWAITING_CALLBACK,
            created_at__gt=earlier.received_at,
        )
        if waits and earlier.processed_at is not None:
            replay(callback=earlier)
        return Receipt(earlier, repeated=True, file_known=file is not None)
    return Receipt(callback, repeated=False, file_known=file is not None)


def _check_room(callback: InboundCallback, same_address: QuerySet[InboundCallback]) -> None:
    """Raise ``CallbackLimit`` if the address holds too many for unknown files."""
    totals = same_address.filter(
        scanned_file=None, outcome__in=[CallbackOutcome.QUEUED, CallbackOutcome.ORPHAN]
    ).aggregate(count=Count("pk"), size=Sum("body_bytes", default=0))
    count, size = totals["count"] + 1, totals["size"] + callback.body_bytes
    fits = (
        count <= settings.ACRPORTAL_ORPHANS_PER_ADDRESS and size <= settings.ACRPORTAL_ORPHAN_BYTES
    )
    # A repeated body takes no additional room.
    if fits or same_address.filter(body_sha256=callback.body_sha256).exists():
        return
    raise CallbackLimit(
        "No file has this id, and this address holds the most callbacks for unknown "
        "files that it may. Nothing was stored; send it again once the file is known."
    )


def replay(*, callback: InboundCallback, user: User | None = None) -> None:
    """Apply a stored callback again; a result is never stored twice."""
    with transaction.atomic():
        if user is not None:
            base.audit.services.record(
                case=f"callback:{callback.pk}",
                action="callback.applied_again",
                actor=user,
                before={"outcome": callback.outcome, "message": callback.message},
            )
        InboundCallback.objects.filter(pk=callback.pk).update(processed_at=None)
        try_subject_again(CALLBACK_RECEIVED, callback, user=user)


def _read(body: bytes) -> InboundCallback:
    """Return an unsaved callback with the body's text and the file id it names."""
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
        raise CallbackRejected("'file_id' must be a text of 1–64 characters.")
    if not file_id.isprintable():
        raise CallbackRejected("'file_id' contains characters that cannot be shown.")
    if isinstance(state, bool) or not isinstance(state, int) or state not in _STATES:
        raise CallbackRejected("'state' must be one of -3, -2, -1, 0, 1.")
    if not isinstance(content.get("results", {}), dict | list | None):
        raise CallbackRejected("'results' must be an object or a list.")
    sha256 = hashlib.sha256(body).hexdigest()
    return InboundCallback(body=text, body_bytes=len(body), body_sha256=sha256, file_id=file_id)


def link_remote_file(*, scanned_file: ScannedFile, remote_id: str, user: User | None) -> None:
    """Set ACRCloud's id of a file and apply the callbacks that waited for it."""
    files = ScannedFile.objects.present().filter(remote_id=remote_id)
    taken = files.exclude(pk=scanned_file.pk)
    if remote_id and taken.exists():
        raise IntakeRefused(
            "remote_id_taken", f"Another file already has the ACRCloud id {remote_id}."
        )
    with transaction.atomic():
        base.audit.services.record(
            case=f"file:{scanned_file.uid}",
            action="file.remote_id_set",
            actor=user or base.audit.services.SYSTEM,
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
    for callback in waiting.order_by("id"):
        submit(CALLBACK_RECEIVED, callback)
