"""Delivers scheduled reports from the worker, unless their rows are unchanged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _

import base.jobs.clock
from base.accounts.reach import OwnerGone, sees_within, sending_for
from base.accounts.roles import Action
from base.audit.standing import StatementKind
from base.common.phrases import count_noun, for_the_record, lowered
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from reports import files
from reports.choices import UNFINISHED, Format, RunState
from reports.differing import facts_of
from reports.jobs import record_end
from reports.manifest import manifest
from reports.models import ReportSchedule
from reports.models.schedule import Channel, ReportDelivery, ReportDeliveryState
from scanning.services.sending import mail, post_signed
from statements.choices import StatementState
from statements.kinds import Fact
from statements.services import issue

ATTACHED_BYTES = 10 * 1024**2
"""Larger files are not attached; the message has their link and hash instead."""
_RUN_AGAIN = timedelta(minutes=1)


def run(context: JobContext) -> None:
    """Deliver a finished report, or record that its rows are unchanged."""
    delivery: ReportDelivery = context.subject
    report, schedule = delivery.run, delivery.schedule
    if report.state in UNFINISHED:
        # The report was started again; its end wakes the delivery sooner.
        context.wait_until(base.jobs.clock.now() + _RUN_AGAIN)
    if report.state != RunState.READY:
        raise Failed("no_report", report.message or _("The report was cancelled."))
    is_new = report.row_count > 0 and report.rows_sha256 != schedule.sent_sha256
    if not (schedule.send_unchanged or delivery.by_hand or is_new):
        _finish(context, ReportDeliveryState.NOTHING_NEW)
        return
    _check_owner(delivery)
    send = _send_email if schedule.channel == Channel.EMAIL else _send_webhook
    send(delivery)
    _finish(context, ReportDeliveryState.SENT)


def _check_owner(delivery: ReportDelivery) -> None:
    """Raise ``Failed`` unless the owner may still see and report all of the rows."""
    owner = delivery.schedule.made_by
    try:
        with sending_for(owner):
            may_send = owner.has_perm(Action.REPORT)
            is_seen = sees_within(delivery.run.limits)
    except OwnerGone as gone:
        raise Failed("not_sent", str(gone)) from gone
    if not may_send:
        raise Failed("not_sent", _("%(person)s may no longer run reports.") % {"person": owner})
    if not is_seen:
        raise Failed(
            "not_sent",
            _("%(person)s may no longer see everything in this report. The next one leaves it out.")
            % {"person": owner},
        )


def _finish(context: JobContext, state: ReportDeliveryState) -> None:
    delivery: ReportDelivery = context.subject
    is_sent = state == ReportDeliveryState.SENT
    facts = facts_of(delivery.run) if is_sent else []
    with transaction.atomic():
        context.finish(state=state, message="")
        if is_sent:
            _issue(delivery, facts)
            ReportSchedule.objects.filter(pk=delivery.schedule_id).update(
                sent_sha256=delivery.run.rows_sha256
            )
        record_end(delivery, state)


def _issue(delivery: ReportDelivery, facts: Sequence[Fact]) -> None:
    """Record what was sent, in the name of whoever scheduled it."""
    with for_the_record():
        name = delivery.run.title
    issue(
        kind=StatementKind.REPORT,
        subject=delivery.run.uid,
        name=name,
        facts=facts,
        user=delivery.schedule.made_by,
        state=StatementState.SENT,
    )


def _send_email(delivery: ReportDelivery) -> None:
    run = delivery.run
    is_attached = run.size_bytes <= ATTACHED_BYTES
    # In English: nobody says which language the recipients read.
    with for_the_record():
        body = _body(delivery, is_attached=is_attached)
        subject = f"{settings.ACRPORTAL_SITE_NAME}: {run.title}"
    message = EmailMessage(subject=subject, body=body, to=delivery.schedule.recipients)
    # Many mail servers refuse larger messages.
    if is_attached:
        kind = files.CONTENT_TYPES[Format(run.format)].split(";")[0]
        file = b"".join(files.file_content(run))
        message.attach(run.download_name, file, kind)
    message.attach(
        f"{run.download_name}.manifest.json", files.as_json(manifest(run)), "application/json"
    )
    mail(message, message_id=delivery.uid)


def _body(delivery: ReportDelivery, *, is_attached: bool) -> str:
    """Return the text of the message."""
    run, schedule = delivery.run, delivery.schedule
    if is_attached:
        where = f"The file {run.download_name} and its manifest are attached."
    else:
        where = (
            f"The file {run.download_name} is too large to attach. Download it at the link "
            "below. Its manifest is attached."
        )
    parts = [
        f"The report “{run.title}” is ready. It has {count_noun(run.row_count, 'row')}. {where}",
        f"SHA-256: {run.sha256}",
        f"Open the report (sign-in required):\n{settings.ACRPORTAL_BASE_URL}{run.url}",
        f"{schedule.made_by} scheduled this report. Schedule: "
        f"{lowered(schedule.get_every_display())} at {schedule.hour:02d}:00 UTC.",
    ]
    return "\n\n".join(parts) + "\n"


def _send_webhook(delivery: ReportDelivery) -> None:
    schedule, run = delivery.schedule, delivery.run
    body = json.dumps(
        {
            "type": "report.ready",
            "report": manifest(run),
            "url": f"{settings.ACRPORTAL_BASE_URL}/api/portal/v1/reports/{run.uid}/",
        }
    ).encode()
    post_signed(schedule.url, body, secret=schedule.signing_secret, message_id=delivery.uid)
