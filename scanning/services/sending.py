"""Sends a body or a mail for a job, which retries until the receiver accepts it."""

from __future__ import annotations

from datetime import UTC, datetime
from smtplib import SMTPException
from typing import Final

from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from base.common.exchanges import FetchFailed, LinkRefused
from base.common.http import post_json
from base.common.receivers import MailRefused, check_mail, check_webhook
from base.jobs.errors import Failed, Retry
from scanning.services.outbound_callbacks import signature_headers

_TIMEOUT_SECONDS: Final = 10.0


def post_signed(url: str, body: bytes, *, secret: str, message_id: str) -> None:
    """Post a body signed as a Standard Webhook. Raises ``Retry`` if refused.

    Raises ``Failed`` for an address to which nothing may be posted.
    """
    try:
        check_webhook(url)
    except LinkRefused as refused:
        raise Failed("receiver_refused", str(refused)) from refused
    headers = signature_headers(
        secret=secret, message_id=message_id, at=datetime.now(tz=UTC), body=body
    )
    try:
        answer = post_json(url, body, headers=headers, timeout_seconds=_TIMEOUT_SECONDS)
    except (LinkRefused, FetchFailed) as fault:
        raise Retry(str(fault)) from fault
    if not 200 <= answer.status < 300:
        raise Retry(_("The server answered %(status)d.") % {"status": answer.status})


def mail(message: EmailMessage, *, message_id: str) -> None:
    """Send a mail. Raises ``Retry`` if the mail server does not take it.

    Raises ``Failed`` for an address to which no mail may be sent.
    """
    try:
        for address in message.recipients():
            check_mail(address)
    except MailRefused as refused:
        raise Failed("receiver_refused", str(refused)) from refused
    # Names may have line breaks, which end the headers of a mail.
    message.subject = " ".join(message.subject.split())
    # The same id for each attempt lets mail servers drop duplicates.
    message.extra_headers["Message-ID"] = f"<{message_id}@acrportal.invalid>"
    try:
        message.send()
    except SMTPException as fault:
        raise Retry(_("The mail server refused the message: %(why)s") % {"why": fault}) from fault
    except OSError as fault:
        why = fault.strerror or str(fault)
        raise Retry(_("The mail server cannot be reached: %(why)s") % {"why": why}) from fault
