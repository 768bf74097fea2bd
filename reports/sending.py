"""Delivers scheduled reports from the worker, unless their rows are unchanged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

import audit.services
from common.http import FetchFailed, LinkRefused, post_json
from common.leases import NO_LEASE, lease_end
from common.queue import worker_name
from reports import files
from reports.choices import Format, RunState
from reports.manifest import manifest
from reports.models import ReportRun, ReportSchedule
from reports.models.schedule import Channel, ReportDelivery, ReportDeliveryState
from scanning.services.outbound_callbacks import RETRY_AFTER, signature_headers

ATTACHED_BYTES = 10 * 1024**2
"""Larger files are not attached; the message has their link and hash instead."""
_TIMEOUT_SECONDS = 10.0


class DeliveryFailed(Exception):
    """A report could not be delivered; the message gives the cause."""


def send(*, dispatch_id: int) -> None:
    """Deliver a finished report, or record that its rows are unchanged."""
    now = datetime.now(tz=UTC)
    claimed = ReportDelivery.objects.filter(
        pk=dispatch_id, state=ReportDeliveryState.WAITING, next_attempt_at__lte=now
    ).update(
        lease_owner=worker_name(),
        lease_until=lease_end(),
        # If this worker dies, the next sweep after the lease sends again.
        next_attempt_at=lease_end(),
        attempts=F("attempts") + 1,
    )
    if not claimed:
        return
    dispatch = ReportDelivery.objects.select_related(
        "schedule__template", "run__run_by"
    ).get(pk=dispatch_id)
    run, schedule = dispatch.run, dispatch.schedule
    if run.state != RunState.READY:
        _end(
            dispatch,
            ReportDeliveryState.FAILED,
            run.message or _("The report was cancelled."),
        )
    elif not schedule.send_unchanged and not _is_new(schedule, run):
        _end(dispatch, ReportDeliveryState.NOTHING_NEW, "")
    else:
        _try(dispatch)


def _is_new(schedule: ReportSchedule, run: ReportRun) -> bool:
    return run.row_count > 0 and run.rows_sha256 != schedule.sent_sha256


def _try(dispatch: ReportDelivery) -> None:
    by_email = dispatch.schedule.channel == Channel.EMAIL
    try:
        (_send_email if by_email else _send_webhook)(dispatch)
    except DeliveryFailed as failed:
        _put_off(dispatch, str(failed))
    else:
        _end(dispatch, ReportDeliveryState.SENT, "")


def _put_off(dispatch: ReportDelivery, why: str) -> None:
    if dispatch.attempts > len(RETRY_AFTER):
        _end(dispatch, ReportDeliveryState.FAILED, why)
        return
    wait = RETRY_AFTER[dispatch.attempts - 1]
    ReportDelivery.objects.filter(pk=dispatch.pk).update(
        message=why[:500], next_attempt_at=datetime.now(tz=UTC) + wait, **NO_LEASE
    )


def _end(dispatch: ReportDelivery, state: ReportDeliveryState, why: str) -> None:
    with transaction.atomic():
        ReportDelivery.objects.filter(pk=dispatch.pk).update(
            state=state, message=why[:500], **NO_LEASE
        )
        if state == ReportDeliveryState.SENT:
            ReportSchedule.objects.filter(pk=dispatch.schedule_id).update(
                sent_sha256=dispatch.run.rows_sha256
            )
        audit.services.record(
            case=dispatch.run.case,
            action=f"dispatch.{state}",
            actor=f"schedule:{dispatch.schedule.uid}",
            after={
                "to": dispatch.schedule.recipients or dispatch.schedule.url,
                "sha256": dispatch.run.sha256,
            },
            note=why,
        )


def _send_email(dispatch: ReportDelivery) -> None:
    run = dispatch.run
    message = EmailMessage(
        subject=f"{settings.ACRPORTAL_SITE_NAME}: {run.name}",
        body=_("%(rows)d rows. SHA-256 of %(file)s: %(sha256)s\n\n%(url)s\n")
        % {
            "rows": run.row_count,
            "file": run.file_name,
            "sha256": run.sha256,
            "url": f"{settings.ACRPORTAL_BASE_URL}{run.url}",
        },
        to=dispatch.schedule.recipients,
        # The same id for each attempt lets mail servers drop duplicates.
        headers={"Message-ID": f"<{dispatch.uid}@acrportal.invalid>"},
    )
    # Many mail servers refuse larger messages.
    if run.size_bytes <= ATTACHED_BYTES:
        kind = files.CONTENT_TYPES[Format(run.format)].split(";")[0]
        file = b"".join(files.file_content(run))
        message.attach(run.file_name, file, kind)
    message.attach(
        f"{run.file_name}.manifest.json",
        files.as_json(manifest(run)),
        "application/json",
    )
    try:
        message.send()
    except (SMTPException, OSError) as fault:
        raise DeliveryFailed(
            _("The mail server refused the message: %(why)s") % {"why": fault}
        ) from fault


def _send_webhook(dispatch: ReportDelivery) -> None:
    schedule, run = dispatch.schedule, dispatch.run
    body = json.dumps(
        {
            "type": "report.ready",
            "report": manifest(run),
            "url": f"{settings.ACRPORTAL_BASE_URL}/api/portal/v1/reports/{run.uid}/",
        }
    ).encode()
    headers = signature_headers(
        secret=schedule.signing_secret,
        message_id=dispatch.uid,
        at=datetime.now(tz=UTC),
        body=body,
    )
    try:
        answer = post_json(
            schedule.url, body, headers=headers, timeout_seconds=_TIMEOUT_SECONDS
        )
    except (LinkRefused, FetchFailed) as fault:
        raise DeliveryFailed(str(fault)) from fault
    if not 200 <= answer.status < 300:
        raise DeliveryFailed(
            _("The server answered %(status)d.") % {"status": answer.status}
        )
