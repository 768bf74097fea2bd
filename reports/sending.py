"""Sends a scheduled report, in the worker; nothing is sent when nothing is new."""

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
from reports.models.schedule import Channel, DispatchState, ReportDispatch
from scanning.services.outbound_callbacks import RETRY_AFTER, signature_headers

ATTACHED_BYTES = 10 * 1024**2
"""A larger file is not attached; the message holds its link and its hash."""
_TIMEOUT_SECONDS = 10.0


class DispatchFailed(Exception):
    """A report could not be sent; the text says why."""


def send(*, dispatch_id: int) -> None:
    """Send a report that is ready, or say that nothing is new."""
    now = datetime.now(tz=UTC)
    claimed = ReportDispatch.objects.filter(
        pk=dispatch_id, state=DispatchState.WAITING, next_attempt_at__lte=now
    ).update(
        lease_owner=worker_name(),
        lease_until=lease_end(),
        next_attempt_at=lease_end(),
        attempts=F("attempts") + 1,
    )
    if not claimed:
        return
    dispatch = ReportDispatch.objects.select_related(
        "schedule__template", "run__run_by"
    ).get(pk=dispatch_id)
    run, schedule = dispatch.run, dispatch.schedule
    if run.state != RunState.READY:
        _end(dispatch, DispatchState.FAILED, run.message or _("It was cancelled."))
    elif not schedule.send_unchanged and not _is_new(schedule, run):
        _end(dispatch, DispatchState.NOTHING_NEW, "")
    else:
        _try(dispatch)


def _is_new(schedule: ReportSchedule, run: ReportRun) -> bool:
    return run.row_count > 0 and run.rows_sha256 != schedule.sent_sha256


def _try(dispatch: ReportDispatch) -> None:
    by_email = dispatch.schedule.channel == Channel.EMAIL
    try:
        (_send_email if by_email else _send_webhook)(dispatch)
    except DispatchFailed as failed:
        _put_off(dispatch, str(failed))
    else:
        _end(dispatch, DispatchState.SENT, "")


def _put_off(dispatch: ReportDispatch, why: str) -> None:
    if dispatch.attempts > len(RETRY_AFTER):
        _end(dispatch, DispatchState.FAILED, why)
        return
    wait = RETRY_AFTER[dispatch.attempts - 1]
    ReportDispatch.objects.filter(pk=dispatch.pk).update(
        message=why[:500], next_attempt_at=datetime.now(tz=UTC) + wait, **NO_LEASE
    )


def _end(dispatch: ReportDispatch, state: DispatchState, why: str) -> None:
    with transaction.atomic():
        ReportDispatch.objects.filter(pk=dispatch.pk).update(
            state=state, message=why[:500], **NO_LEASE
        )
        if state == DispatchState.SENT:
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


def _send_email(dispatch: ReportDispatch) -> None:
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
        headers={"Message-ID": f"<{dispatch.uid}@acrportal.invalid>"},
    )
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
        raise DispatchFailed(
            _("The mail server did not take it: %(why)s") % {"why": fault}
        ) from fault


def _send_webhook(dispatch: ReportDispatch) -> None:
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
        raise DispatchFailed(str(fault)) from fault
    if not 200 <= answer.status < 300:
        raise DispatchFailed(
            _("The server answered %(status)d.") % {"status": answer.status}
        )
