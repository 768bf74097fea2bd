"""Runs reports by the clock and sends them; nothing is sent when nothing is new.

The worker's sweeps look for what is due. A schedule is taken by moving its next time
on, a dispatch by moving its next try on, so that of several workers one does it and a
crash only delays it.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.roles import Action
from common.http import FetchFailed, LinkRefused, post_json
from common.leases import NO_LEASE, lease_end
from common.queue import worker_name
from reports import services, tasks
from reports.choices import UNFINISHED, Format, RunState
from reports.copies import as_json
from reports.layouts import Layout
from reports.manifest import manifest
from reports.models import ReportRun, ReportSchedule, ReportTemplate
from reports.models.schedule import Channel, DispatchState, Every, ReportDispatch
from scanning.services.outbound_callbacks import RETRY_AFTER, signature_headers

logger = logging.getLogger(__name__)

ATTACHED_BYTES = 10 * 1024**2
"""A larger file is not attached; the message holds its link and its hash."""
_TIMEOUT_SECONDS = 10.0


class DispatchFailed(Exception):
    """A report could not be sent; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule is to be: when, and to whom."""

    every: Every
    hour: int
    last_period: bool
    send_unchanged: bool
    channel: Channel
    recipients: tuple[str, ...] = ()
    url: str = ""


def schedule_report(
    *, template: ReportTemplate, plan: Plan, user: User
) -> ReportSchedule:
    """Run a template by the clock from now on; an event tells."""
    with transaction.atomic():
        schedule = ReportSchedule.objects.create(
            template=template,
            every=plan.every,
            hour=plan.hour,
            last_period=plan.last_period,
            send_unchanged=plan.send_unchanged,
            channel=plan.channel,
            recipients=list(plan.recipients),
            url=plan.url,
            signing_secret=_new_secret() if plan.channel == Channel.WEBHOOK else "",
            next_run_at=next_time(plan.every, plan.hour, datetime.now(tz=UTC)),
            made_by=user,
        )
        audit.services.record(
            case=schedule.case,
            action="scheduled",
            actor=user,
            after={
                "template": template.name,
                "every": plan.every,
                "to": list(plan.recipients) or plan.url,
            },
        )
    return schedule


def schedules_for(*, user: User) -> QuerySet[ReportSchedule]:
    """Return the schedules that a person manages: own ones, and all for admins."""
    rows = ReportSchedule.objects.select_related("template", "made_by")
    return rows if user.has_perm(Action.CONFIGURE) else rows.filter(made_by=user)


def end_schedule(*, schedule: ReportSchedule, user: User) -> None:
    """Stop running it; what was run stays."""
    with transaction.atomic():
        audit.services.record(
            case=schedule.case,
            action="ended",
            actor=user,
            before={"template": schedule.template.name},
        )
        schedule.delete()


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def next_time(every: str, hour: int, after: datetime) -> datetime:
    """Return the first moment of a schedule after another; all in UTC."""
    day = after.date()
    while True:
        moment = datetime.combine(day, time(hour), tzinfo=UTC)
        if moment > after and _falls_on(every, day):
            return moment
        day += timedelta(days=1)


def _falls_on(every: str, day: date) -> bool:
    if every == Every.MONTH:
        return day.day == 1
    return every == Every.DAY or day.weekday() == 0


def period_before(every: str, day: date) -> tuple[date, date]:
    """Return the first and the last day of the day, week or month before a day."""
    last = day - timedelta(days=1)
    if every == Every.MONTH:
        last = day.replace(day=1) - timedelta(days=1)
        return last.replace(day=1), last
    if every == Every.WEEK:
        last = day - timedelta(days=day.weekday() + 1)
        return last - timedelta(days=6), last
    return last, last


def run_due(**_signal: object) -> int:
    """Ask for the reports whose time has come, and send those that are ready."""
    now = datetime.now(tz=UTC)
    for schedule in ReportSchedule.objects.filter(next_run_at__lte=now):
        _run(schedule, now)
    due = ReportDispatch.objects.filter(
        state=DispatchState.WAITING, next_attempt_at__lte=now
    ).exclude(run__state__in=UNFINISHED)
    ids = list(due.values_list("pk", flat=True))
    for dispatch_id in ids:
        tasks.send_report.enqueue(dispatch_id)
    return len(ids)


def _run(schedule: ReportSchedule, now: datetime) -> None:
    """Take a schedule that is due and ask for its report; missed times are one."""
    with transaction.atomic():
        taken = ReportSchedule.objects.filter(
            pk=schedule.pk, next_run_at=schedule.next_run_at
        ).update(next_run_at=next_time(schedule.every, schedule.hour, now))
        user = schedule.made_by
        if not taken:
            return
        if not (user.is_active and user.has_perm(Action.REPORT)):
            logger.warning("schedule %s: its owner may not run reports", schedule.uid)
            return
        run = services.request_report(
            layout=_layout(schedule, now), user=user, name=str(schedule.template)
        )
        ReportDispatch.objects.create(schedule=schedule, run=run, next_attempt_at=now)


def _layout(schedule: ReportSchedule, now: datetime) -> Layout:
    layout = Layout.of(schedule.template)
    if not schedule.last_period:
        return layout
    first, last = period_before(schedule.every, now.date())
    return replace(
        layout,
        filters={
            **layout.filters,
            "found_from": first.isoformat(),
            "found_until": last.isoformat(),
        },
    )


def send(*, dispatch_id: int) -> None:
    """Send a report that is ready, or say that nothing is new; called in the worker."""
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


def send_again(*, dispatch: ReportDispatch, user: User) -> bool:
    """Send a report whose dispatch was given up; tell whether it was.

    A report that was not written is run again first.
    """
    with transaction.atomic():
        again = ReportDispatch.objects.filter(
            pk=dispatch.pk, state=DispatchState.FAILED
        ).update(
            state=DispatchState.WAITING,
            message="",
            attempts=0,
            next_attempt_at=datetime.now(tz=UTC),
        )
        if not again:
            return False
        if dispatch.run.state == RunState.FAILED:
            services.try_again(run=dispatch.run, user=user)
        audit.services.record(
            case=dispatch.run.case, action="dispatch.tried_again", actor=user
        )
    return True


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
        kind = services.CONTENT_TYPES[Format(run.format)].split(";")[0]
        file = b"".join(services.file_content(run))
        message.attach(run.file_name, file, kind)
    message.attach(
        f"{run.file_name}.manifest.json", as_json(manifest(run)), "application/json"
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
