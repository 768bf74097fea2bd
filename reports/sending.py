"""Delivers scheduled reports from the worker, unless their rows are unchanged."""

from __future__ import annotations

import json
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import jobs.clock
from jobs.context import JobContext
from jobs.errors import Failed
from reports import files
from reports.choices import UNFINISHED, Format, RunState
from reports.jobs import record_end
from reports.manifest import manifest
from reports.models import ReportSchedule
from reports.models.schedule import Channel, ReportDelivery, ReportDeliveryState
from scanning.services.sending import mail, post_signed

ATTACHED_BYTES = 10 * 1024**2
"""Larger files are not attached; the message has their link and hash instead."""
_RUN_AGAIN = timedelta(minutes=1)


def run(context: JobContext) -> None:
    """Deliver a finished report, or record that its rows are unchanged."""
    delivery: ReportDelivery = context.subject
    report, schedule = delivery.run, delivery.schedule
    if report.state in UNFINISHED:
        # It was begun again; its end asks for the delivery sooner.
        context.wait_until(jobs.clock.now() + _RUN_AGAIN)
    if report.state != RunState.READY:
        raise Failed("no_report", report.message or _("The report was cancelled."))
    is_new = report.row_count > 0 and report.rows_sha256 != schedule.sent_sha256
    if not (schedule.send_unchanged or is_new):
        _finish(context, ReportDeliveryState.NOTHING_NEW)
        return
    send = _send_email if schedule.channel == Channel.EMAIL else _send_webhook
    send(delivery)
    _finish(context, ReportDeliveryState.SENT)


def _finish(context: JobContext, state: ReportDeliveryState) -> None:
    delivery: ReportDelivery = context.subject
    with transaction.atomic():
        context.finish(state=state, message="")
        if state == ReportDeliveryState.SENT:
            ReportSchedule.objects.filter(pk=delivery.schedule_id).update(
                sent_sha256=delivery.run.rows_sha256
            )
        record_end(delivery, state)


def _send_email(delivery: ReportDelivery) -> None:
    run = delivery.run
    message = EmailMessage(
        subject=f"{settings.ACRPORTAL_SITE_NAME}: {run.name}",
        body=ngettext(
            "%(rows)d row. SHA-256 of %(file)s: %(sha256)s\n\n%(url)s\n",
            "%(rows)d rows. SHA-256 of %(file)s: %(sha256)s\n\n%(url)s\n",
            run.row_count,
        )
        % {
            "rows": run.row_count,
            "file": run.file_name,
            "sha256": run.sha256,
            "url": f"{settings.ACRPORTAL_BASE_URL}{run.url}",
        },
        to=delivery.schedule.recipients,
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
    mail(message, message_id=delivery.uid)


def _send_webhook(delivery: ReportDelivery) -> None:
    schedule, run = delivery.schedule, delivery.run
    body = json.dumps(
        {
            "type": "report.ready",
            "report": manifest(run),
            "url": f"{settings.ACRPORTAL_BASE_URL}/api/portal/v1/reports/{run.uid}/",
        }
    ).encode()
    post_signed(
        schedule.url, body, secret=schedule.signing_secret, message_id=delivery.uid
    )
