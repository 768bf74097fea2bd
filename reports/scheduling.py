"""Runs scheduled reports and starts their deliveries.

Regular work of the worker finds due ones. Moving the next time forward claims a schedule, so
that only one of several workers acts and a crash only causes a delay.
"""

from __future__ import annotations

import base64
import logging
import secrets
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Action
from base.common.filters import ZONE
from base.common.secret_text import seal
from base.common.zones import is_zone
from base.jobs.services import try_subject_again
from reports import services
from reports.choices import RunState
from reports.jobs import DELIVERY
from reports.layouts import Layout
from reports.models import ReportRun, ReportSchedule
from reports.models.schedule import Channel, Every, ReportDelivery, ReportDeliveryState

logger = logging.getLogger(__name__)

Period = tuple[date, date]
"""First and last day that a report covers."""
PeriodOf = Literal["found", "decided"]
"""Which days of its matches lie in the period."""
DECIDED_DAYS = frozenset({"decided_from", "decided_until"})


class ScheduleRefused(Exception):
    """A schedule cannot run; the message gives the cause."""


def schedule_report(*, schedule: ReportSchedule, user: User) -> ReportSchedule:
    """Save a new schedule and record it."""
    with transaction.atomic():
        plan(schedule=schedule, user=user)
        schedule.covers_from = _days_due(schedule)[0]
        schedule.save()
        base.audit.services.record(
            case=schedule.case, action="scheduled", actor=user, after=_values_of(schedule)
        )
    return schedule


def change_schedule(
    *, schedule: ReportSchedule, settings: ReportSchedule, user: User
) -> ReportSchedule:
    """Give a schedule the settings of another and record it; equal ones change nothing.

    The next report leaves out no day that the earlier settings had still to report.
    """
    with transaction.atomic():
        locked = ReportSchedule.objects.select_for_update().get(pk=schedule.pk)
        before = _values_of(locked)
        _change(locked, settings, datetime.now(tz=UTC))
        after = _values_of(locked)
        if after != before:
            # Whoever is new, or gets another report, has not had the rows sent last.
            if before["to"] != after["to"] or before["template"] != after["template"]:
                locked.sent_sha256 = ""
            locked.save()
            base.audit.services.record(
                case=locked.case, action="schedule_changed", actor=user, before=before, after=after
            )
    return locked


def as_changed(*, schedule: ReportSchedule, settings: ReportSchedule) -> ReportSchedule:
    """Return a copy of a schedule as a change would leave it, without saving it."""
    changed = copy(schedule)
    _change(changed, settings, datetime.now(tz=UTC))
    return changed


def plan(*, schedule: ReportSchedule, user: User) -> ReportSchedule:
    """Complete a new schedule, without saving it."""
    schedule.made_by = user
    _address(schedule)
    schedule.next_run_at = _next_of(schedule, datetime.now(tz=UTC))
    return schedule


def _change(schedule: ReportSchedule, settings: ReportSchedule, now: datetime) -> None:
    """Give a schedule other settings and the time at which they let it run."""
    if schedule.covers_from is None:
        schedule.covers_from = _days_due(schedule)[0]
    was_timed = (schedule.every, schedule.hour, _zone_of(schedule))
    for name in ReportSchedule.SETTINGS:
        setattr(schedule, name, getattr(settings, name))
    _address(schedule)
    # A report that is due already still comes.
    is_due = schedule.next_run_at <= now
    if not is_due and was_timed != (schedule.every, schedule.hour, _zone_of(schedule)):
        schedule.next_run_at = _next_of(schedule, now)


def _address(schedule: ReportSchedule) -> None:
    """Keep the addresses of the chosen channel alone, and a key if it signs."""
    if schedule.channel != Channel.EMAIL:
        schedule.recipients = []
    if schedule.channel != Channel.WEBHOOK:
        schedule.url = schedule.signing_secret_sealed = ""
    elif not schedule.signing_secret_sealed:
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        schedule.signing_secret_sealed = seal(f"whsec_{key}")


def _values_of(schedule: ReportSchedule) -> dict[str, Any]:  # Any: JSON
    """Return the settings of a schedule as its events keep them."""
    return {
        "template": schedule.template.name,
        "every": schedule.every,
        "hour": schedule.hour,
        "last_period": schedule.last_period,
        "send_unchanged": schedule.send_unchanged,
        "to": list(schedule.recipients) or schedule.url,
    }


def schedules_for(*, user: User) -> QuerySet[ReportSchedule]:
    """Return the schedules that a person manages: their own, or all for admins."""
    rows = ReportSchedule.objects.select_related("template", "made_by")
    return rows if user.has_perm(Action.CONFIGURE) else rows.filter(made_by=user)


def end_schedule(*, schedule: ReportSchedule, user: User) -> None:
    """Delete a schedule; its earlier runs stay."""
    with transaction.atomic():
        base.audit.services.record(
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
    _, last_before = period_before(every, (moment - timedelta(days=1)).astimezone(zone).date())
    return last != last_before


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


def in_period(layout: Layout, period: Period, by: PeriodOf) -> Layout:
    """Return the layout for the first and last day of a period."""
    first, last = period
    days = {f"{by}_from": first.isoformat(), f"{by}_until": last.isoformat()}
    return replace(layout, filters={**layout.filters, **days})


def run_due() -> None:
    """Request the due reports; each is delivered when it ends."""
    now = datetime.now(tz=UTC)
    for schedule in ReportSchedule.objects.filter(next_run_at__lte=now):
        _run(schedule, now)


def _run(schedule: ReportSchedule, now: datetime) -> None:
    """Claim a due schedule and request its report.

    Missed times count as one, whose report covers the periods of all of them.
    """
    with transaction.atomic():
        # Read again under a lock: another worker may have taken it, or a person changed it.
        due = (
            ReportSchedule.objects.select_for_update(of=("self",))
            .select_related("template", "made_by")
            .filter(pk=schedule.pk, next_run_at=schedule.next_run_at)
            .first()
        )
        if due is None:
            return
        days, has_period = _days_due(due, now), due.last_period
        due.next_run_at = _next_of(due, now)
        if _may_run(due):
            _request(due, days if has_period else None)
            # A report of all matches covers those found today until now.
            today = now.astimezone(_zone_of(due)).date()
            due.covers_from = days[1] + timedelta(days=1) if has_period else today
        else:
            logger.warning("schedule %s: its owner may not run reports", due.uid)
        due.save(update_fields=["next_run_at", "covers_from"])


def run_now(*, schedule: ReportSchedule, user: User) -> ReportRun:
    """Request the report of a schedule at once; its next time stays.

    It covers the last period that is over, and is sent even with nothing new. Raises
    ``ScheduleRefused``.
    """
    with transaction.atomic():
        if not _may_run(schedule):
            raise ScheduleRefused(
                gettext(
                    "%(person)s scheduled this report, and may no longer run reports. "
                    "Schedule it anew."
                )
                % {"person": schedule.made_by}
            )
        run = _request(schedule, period_so_far(schedule=schedule), by_hand=True)
        base.audit.services.record(
            case=schedule.case, action="schedule_run", actor=user, after={"run": run.uid}
        )
    return run


def _may_run(schedule: ReportSchedule) -> bool:
    """Return whether the owner may run reports; they may have left or lost the role."""
    owner = schedule.made_by
    return owner.is_active and owner.has_perm(Action.REPORT)


def _request(
    schedule: ReportSchedule, period: Period | None, *, by_hand: bool = False
) -> ReportRun:
    layout = Layout.of(schedule.template)
    if period is not None:
        is_of_decisions = DECIDED_DAYS & layout.filters.keys()
        layout = in_period(layout, period, "decided" if is_of_decisions else "found")
    run = services.request_report(layout=layout, user=schedule.made_by, name=str(schedule.template))
    ReportDelivery.objects.create(schedule=schedule, run=run, by_hand=by_hand)
    return run


def _zone_of(schedule: ReportSchedule) -> tzinfo:
    """Return the zone whose days make the periods: that of the template's filters."""
    name = schedule.template.filters.get(ZONE)
    return ZoneInfo(name) if schedule.last_period and name and is_zone(name) else UTC


def _next_of(schedule: ReportSchedule, after: datetime) -> datetime:
    return next_time(schedule.every, schedule.hour, after, _zone_of(schedule))


def period_so_far(*, schedule: ReportSchedule) -> Period | None:
    """Return first and last day of the last period that is over; None for all matches."""
    if not schedule.last_period:
        return None
    today = datetime.now(tz=_zone_of(schedule)).date()
    return period_before(schedule.every, today)


def next_period(*, schedule: ReportSchedule) -> Period | None:
    """Return first and last day that the next report covers; None for all matches."""
    return _days_due(schedule) if schedule.last_period else None


def _days_due(schedule: ReportSchedule, now: datetime | None = None) -> Period:
    """Return first and last day of the periods that are due until ``now``.

    The times that are due say which, not today: a worker that comes after midnight, or
    days too late, must leave out no day.
    """
    zone = _zone_of(schedule)
    due = schedule.next_run_at
    first, last = period_before(schedule.every, due.astimezone(zone).date())
    day_before = (due - timedelta(days=1)).astimezone(zone).date()
    _, reported_until = period_before(schedule.every, day_before)
    # A day that is too short to hold the hour belongs to the next report.
    first = min(first, reported_until + timedelta(days=1))
    if schedule.covers_from:
        first = min(first, schedule.covers_from)
    while now is not None and (due := _next_of(schedule, due)) <= now:
        _, last = period_before(schedule.every, due.astimezone(zone).date())
    return first, last


def send_again(*, delivery: ReportDelivery, user: User) -> bool:
    """Deliver a report again after its delivery failed; tell whether it had.

    A failed report runs again first.
    """
    with transaction.atomic():
        failed = ReportDelivery.objects.filter(pk=delivery.pk, state=ReportDeliveryState.FAILED)
        if not failed.update(state=ReportDeliveryState.WAITING, message=""):
            return False
        if delivery.run.state == RunState.FAILED:
            services.try_again(run=delivery.run, user=user)
        else:
            try_subject_again(DELIVERY, delivery)
        base.audit.services.record(
            case=delivery.run.case, action="dispatch.tried_again", actor=user
        )
    return True
