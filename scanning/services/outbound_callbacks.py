"""Sends callbacks: queued with the result, retried for about a day.

The body is built once and sent unchanged on every attempt. A thread of the worker
(``scan_worker``) delivers, so a slow receiver never delays scans. After a failure the
container's other callbacks wait for the next round.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import F

import audit.services
from accounts.models import User
from common.http import Answer, FetchFailed, LinkRefused, post_json
from common.leases import NO_LEASE, lease_end
from scanning.choices import DeliveryStatus
from scanning.models import DeliveryAttempt, OutboundCallback, ScannedFile

logger = logging.getLogger(__name__)

# Pauses after failed attempts: 8 attempts within about a day.
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=7),
    timedelta(hours=12),
)
MAX_ATTEMPTS = len(RETRY_AFTER) + 1
TIMEOUT_SECONDS = 3.0
_PER_ROUND = 50


def queue_callback(*, scanned_file: ScannedFile, body: str) -> OutboundCallback:
    """Create a callback to the container's address, in the result's transaction."""
    container = scanned_file.container
    return OutboundCallback.objects.create(
        container=container,
        scanned_file=scanned_file,
        url=container.callback_url,
        body=body,
        next_attempt_at=datetime.now(tz=UTC),
    )


def send_again(*, callback: OutboundCallback, user: User) -> None:
    """Send a callback again, to the container's current address; reset the attempts."""
    with transaction.atomic():
        OutboundCallback.objects.filter(pk=callback.pk).update(
            url=callback.container.callback_url or callback.url,
            status=DeliveryStatus.WAITING,
            attempts=0,
            next_attempt_at=datetime.now(tz=UTC),
            finished_at=None,
        )
        audit.services.record(
            case=f"file:{callback.scanned_file.uid}",
            action="callback.sent_again",
            actor=user,
            after={"callback": callback.uid},
        )


def deliver_due(*, worker: str) -> int:
    """Send what is due, one container after another; return how many arrived."""
    due = OutboundCallback.objects.filter(
        status=DeliveryStatus.WAITING, next_attempt_at__lte=datetime.now(tz=UTC)
    )
    containers = due.order_by().values_list("container_id", flat=True).distinct()
    delivered = 0
    for container_id in list(containers):
        mine = due.filter(container_id=container_id).order_by("next_attempt_at", "pk")
        for callback_id in list(mine.values_list("pk", flat=True)[:_PER_ROUND]):
            if not _claim(callback_id, worker):
                continue
            if not _deliver(callback_id):
                # The receiver is probably down; do not let its callbacks time out one
                # by one.
                break
            delivered += 1
    return delivered


def _claim(callback_id: int, worker: str) -> bool:
    """Claim one callback; its next attempt is its lease, so a crash only delays it."""
    claimed = OutboundCallback.objects.filter(
        pk=callback_id,
        status=DeliveryStatus.WAITING,
        next_attempt_at__lte=datetime.now(tz=UTC),
    ).update(
        lease_owner=worker,
        lease_until=lease_end(),
        next_attempt_at=lease_end(),
        attempts=F("attempts") + 1,
    )
    return bool(claimed)


def _deliver(callback_id: int) -> bool:
    """Try once, store the answer, and return whether it was delivered."""
    callback = OutboundCallback.objects.select_related("container").get(pk=callback_id)
    body = callback.body.encode()
    at, begun = datetime.now(tz=UTC), monotonic()
    answer: Answer | None = None
    try:
        answer = post_json(
            callback.url,
            body,
            headers=signature_headers(
                secret=callback.container.signing_secret,
                message_id=callback.uid,
                at=at,
                body=body,
            ),
            timeout_seconds=TIMEOUT_SECONDS,
        )
        text = answer.text
    except (LinkRefused, FetchFailed) as error:
        text = f"{error}"
    done = answer is not None and 200 <= answer.status < 300
    with transaction.atomic():
        DeliveryAttempt.objects.create(
            callback=callback,
            at=at,
            duration_ms=round(1000 * (monotonic() - begun)),
            status_code=answer.status if answer else None,
            # PostgreSQL stores no NUL characters.
            answer=text.replace("\0", "")[:500],
        )
        _move(callback, done=done)
    return done


def _move(callback: OutboundCallback, *, done: bool) -> None:
    now = datetime.now(tz=UTC)
    columns: dict[str, object]
    if done:
        columns = {"status": DeliveryStatus.DELIVERED, "finished_at": now}
    elif callback.attempts >= MAX_ATTEMPTS:
        columns = {"status": DeliveryStatus.FAILED, "finished_at": now}
    else:
        columns = {"next_attempt_at": now + RETRY_AFTER[callback.attempts - 1]}
    OutboundCallback.objects.filter(
        pk=callback.pk, status=DeliveryStatus.WAITING, lease_owner=callback.lease_owner
    ).update(**columns, **NO_LEASE)
    logger.info("callback %s: %s", callback.uid, columns.get("status", "to be retried"))


def signature_headers(
    *, secret: str, message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """Return Standard Webhooks headers for a body sent at ``at``."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    """Return the key bytes of a secret, which is base64 or plain text."""
    bare = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(bare, validate=True)
    except binascii.Error:
        return secret.encode()
