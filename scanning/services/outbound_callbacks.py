"""Sends callbacks: queued with the result, retried for about a day.

The body is built once and sent unchanged on every attempt. While a receiver does not
answer, the container's other callbacks wait too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from datetime import UTC, datetime
from time import monotonic

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
import base.jobs.clock
from base.accounts.models import User
from base.common.exchanges import FetchFailed, LinkRefused
from base.common.http import Answer, post_json
from base.common.receivers import check_webhook
from base.jobs.context import JobContext
from base.jobs.errors import Retry
from base.jobs.services import hold_back, submit, try_subject_again
from scanning.jobs import CALLBACK_SENT, RETRY_AFTER
from scanning.models import DeliveryAttempt, OutboundCallback, ScannedFile

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0


def queue_callback(*, scanned_file: ScannedFile, body: str) -> OutboundCallback:
    """Create a callback to the container's address, in the result's transaction."""
    container = scanned_file.container
    callback = OutboundCallback.objects.create(
        container=container, scanned_file=scanned_file, url=container.callback_url, body=body
    )
    submit(CALLBACK_SENT, callback)
    return callback


def send_again(*, callback: OutboundCallback, user: User) -> None:
    """Send a callback again, to the container's current address; reset the attempts."""
    with transaction.atomic():
        OutboundCallback.objects.filter(pk=callback.pk).update(
            url=callback.container.callback_url or callback.url, finished_at=None
        )
        try_subject_again(CALLBACK_SENT, callback, user=user)
        base.audit.services.record(
            case=f"file:{callback.scanned_file.uid}",
            action="callback.sent_again",
            actor=user,
            after={"callback": callback.uid},
        )


def run(context: JobContext) -> None:
    """Try once, store the answer, and finish if the callback was delivered."""
    callback: OutboundCallback = context.subject
    attempt = _try(callback)
    status = attempt.status_code
    if status is not None and 200 <= status < 300:
        context.finish(finished_at=datetime.now(tz=UTC))
        logger.info("callback %s: delivered", callback.uid)
        return
    if status is None:
        # The receiver is probably down: only one callback in a pause may time out.
        callbacks = OutboundCallback.objects.filter(container=callback.container_id)
        until = base.jobs.clock.now() + RETRY_AFTER[0]
        hold_back(CALLBACK_SENT, callbacks.exclude(pk=callback.pk), until=until)
    raise Retry(f"{status or _('no answer')}: {attempt.answer}")


def _try(callback: OutboundCallback) -> DeliveryAttempt:
    """Send the body and store the answer."""
    body = callback.body.encode()
    at, begun = datetime.now(tz=UTC), monotonic()
    answer: Answer | None = None
    try:
        check_webhook(callback.url)
        answer = post_json(
            callback.url,
            body,
            headers=signature_headers(
                secret=callback.container.signing_secret, message_id=callback.uid, at=at, body=body
            ),
            timeout_seconds=TIMEOUT_SECONDS,
        )
        text = answer.text
    except (LinkRefused, FetchFailed) as error:
        text = f"{error}"
    return DeliveryAttempt.objects.create(
        callback=callback,
        at=at,
        duration_ms=round(1000 * (monotonic() - begun)),
        status_code=answer.status if answer else None,
        # PostgreSQL stores no NUL characters.
        answer=text.replace("\0", "")[:500],
    )


def signature_headers(*, secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
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
