"""Runs scheduled reports and starts their deliveries.

Regular work of the worker finds due ones. Moving the next time forward claims a schedule, so
that only one of several workers acts and a crash only causes a delay.
"""

from __future__ import annotations

import base64
import logging
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

import audit.services
from accounts.models import User
from accounts.roles import Action
from common.filters import ZONE
from common.zones import is_zone
from jobs.services import try_subject_again
from reports import services
from reports.choices import RunState
from reports.jobs import DELIVERY
from reports.layouts import Layout
from reports.models import ReportSchedule, ReportTemplate
from reports.models.schedule import Channel, Every, ReportDelivery, ReportDeliveryState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a schedule."""

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
    """Create a schedule and record it."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
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
            signing_secret=secret if plan.channel == Channel.WEBHOOK else "",
            next_run_at=next_time(
                plan.every,
                plan.hour,
                datetime.now(tz=UTC),
                _zone_of(template, last_period=plan.last_period),
            ),
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
    """Return the schedules that a person manages: their own, or all for admins."""
    rows = ReportSchedule.objects.select_related("template", "made_by")
    return rows if user.has_perm(Action.CONFIGURE) else rows.filter(made_by=user)


def end_schedule(*, schedule: ReportSchedule, user: User) -> None:
    """Delete a schedule; its earlier runs stay."""
    with transaction.atomic():
        audit.services.record(
            case=schedule.case,
            action="ended",
            actor=user,
            before={"template": schedule.template.name},
        )
        schedule.delete()


def next_time(every: str, hour: int, after: datetime, zone: tzinfo = UTC) -> datetime:
    """Return the first time after a moment at which another period is over.

    The hour is that of UTC; days, weeks and months are those of the zone.
    """
    moment = datetime.combine(after.date(), time(hour), tzinfo=UTC)
    while moment <= after or not _ends_period(every, moment, zone):
        moment += timedelta(days=1)
    return moment


def _ends_period(every: str, moment: datetime, zone: tzinfo) -> bool:
    """Return whether a period has ended since the same hour of the day before."""
    # Where clocks change, a day of the zone may hold this hour twice, or never.
    _, last = period_before(every, moment.astimezone(zone).date())
    _, known = period_before(
        every, (moment - timedelta(days=1)).astimezone(zone).date()
    )
    return last != known


def period_before(every: str, day: date) -> tuple[date, date]:
    """Return first and last day of the previous day, week or month."""
    last = day - timedelta(days=1)
    if every == Every.MONTH:
        last = day.replace(day=1) - timedelta(days=1)
        return last.replace(day=1), last
    if every == Every.WEEK:
        last = day - timedelta(days=day.weekday() + 1)
        return last - timedelta(days=6), last
    return last, last


def run_due() -> None:
    """Request the due reports; each is delivered when it ends."""
    now = datetime.now(tz=UTC)
    for schedule in ReportSchedule.objects.filter(next_run_at__lte=now):
        _run(schedule, now)


def _run(schedule: ReportSchedule, now: datetime) -> None:
    """Claim a due schedule and request its report.

    Missed times count as one, whose report covers the periods of all of them.
    """
    zone = _zone_of(schedule.template, last_period=schedule.last_period)
    with transaction.atomic():
        # Compare-and-set on the old time, so that one worker takes the schedule.
        taken = ReportSchedule.objects.filter(
            pk=schedule.pk, next_run_at=schedule.next_run_at
        ).update(next_run_at=next_time(schedule.every, schedule.hour, now, zone))
        user = schedule.made_by
        if not taken:
            return
        # The owner may have left or lost the role since.
        if not (user.is_active and user.has_perm(Action.REPORT)):
            logger.warning("schedule %s: its owner may not run reports", schedule.uid)
            return
        layout = Layout.of(schedule.template)
        if schedule.last_period:
            first, last = _period_due(schedule, now, zone)
            period = {"found_from": first.isoformat(), "found_until": last.isoformat()}
            layout = replace(layout, filters={**layout.filters, **period})
        run = services.request_report(
            layout=layout, user=user, name=str(schedule.template)
        )
        ReportDelivery.objects.create(schedule=schedule, run=run)


def _zone_of(template: ReportTemplate, *, last_period: bool) -> tzinfo:
    """Return the zone whose days make the periods: that of the template's filters."""
    name = template.filters.get(ZONE)
    return ZoneInfo(name) if last_period and name and is_zone(name) else UTC


def _period_due(
    schedule: ReportSchedule, now: datetime, zone: tzinfo
) -> tuple[date, date]:
    """Return first and last day of the periods that are due.

    The times that are due say which, not today: a worker that comes after midnight, or
    days too late, must leave out no day.
    """
    due = schedule.next_run_at
    first, last = period_before(schedule.every, due.astimezone(zone).date())
    day_before = (due - timedelta(days=1)).astimezone(zone).date()
    _, known = period_before(schedule.every, day_before)
    # A day that is too short to hold the hour belongs to the next report.
    first = min(first, known + timedelta(days=1))
    while (due := next_time(schedule.every, schedule.hour, due, zone)) <= now:
        _, last = period_before(schedule.every, due.astimezone(zone).date())
    return first, last


def send_again(*, delivery: ReportDelivery, user: User) -> bool:
    """Deliver a report again after its delivery failed; tell whether it had.

    A failed report runs again first.
    """
    with transaction.atomic():
        failed = ReportDelivery.objects.filter(
            pk=delivery.pk, state=ReportDeliveryState.FAILED
        )
        if not failed.update(state=ReportDeliveryState.WAITING, message=""):
            return False
        if delivery.run.state == RunState.FAILED:
            services.try_again(run=delivery.run, user=user)
        else:
            try_subject_again(DELIVERY, delivery)
        audit.services.record(
            case=delivery.run.case, action="dispatch.tried_again", actor=user
        )
    return True
