"""What people of the season do with scheduled reports, and what must hold afterwards.

Whatever is changed about a schedule or its template, its reports leave out no day, and
running it at once changes no time. One report is sent for each week, whoever dies then.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import time_machine
from django.db import connections
from django.db.models import Model, QuerySet

from base.accounts.roles import Action
from reports import scheduling
from reports.models import ReportDelivery, ReportSchedule, ReportTemplate
from reports.models.schedule import Every
from tests.season.invariants import check
from tests.season.machines import Machines
from tests.season.people import Person
from tests.season.readers import ZONES

Row = TypeVar("Row", bound=Model)


def handle(person: Person, rng: random.Random) -> None:
    """Take a schedule one step on; roles and owners may refuse it."""
    rng.choice((_plan, _change, _change, _run_now, _change_template))(person, rng)


def _plan(person: Person, rng: random.Random) -> None:
    """Schedule a template, which is saved first if there is none."""
    if not ReportTemplate.objects.exists():
        _change_template(person, rng)
    template = _some(ReportTemplate.objects.order_by("pk"), rng)
    if template is not None:
        person.fill_in("/reports/schedules/", **_settings(template, rng))


def _change(person: Person, rng: random.Random) -> None:
    """Change a schedule; what no report has covered yet stays to be covered."""
    schedule = _some(ReportSchedule.objects.order_by("pk"), rng)
    template = _some(ReportTemplate.objects.order_by("pk"), rng)
    if schedule is None or template is None:
        return
    path, before = f"/reports/schedules/{schedule.uid}/", _begins(schedule)
    settings = _settings(template, rng)
    person.open(f"{path}next/?hour={settings['hour']}")
    person.fill_in(path, **settings)
    schedule.refresh_from_db()
    after = _begins(schedule)
    check(
        before is None or after is None or after <= before,
        f"{schedule} began its next report on {before}, now on {after}",
    )


def _run_now(person: Person, rng: random.Random) -> None:
    """Run a schedule at once; its next time and its days stay."""
    schedule = _some(ReportSchedule.objects.order_by("pk"), rng)
    if schedule is None:
        return
    sent = ReportDelivery.objects.filter(schedule=schedule, by_hand=True)
    before, count = (schedule.next_run_at, schedule.covers_from), sent.count()
    answer = person.fill_in(f"/reports/schedules/{schedule.uid}/run/")
    schedule.refresh_from_db()
    after = (schedule.next_run_at, schedule.covers_from)
    check(before == after, f"{schedule} was run at once: {before}, now {after}")
    done = sent.count() - count
    check(done <= 1, f"{schedule} was run {done} times ({answer.status})")


def let_a_week_end(rng: random.Random, time: time_machine.Traveller, machines: Machines) -> None:
    """Let a weekly report become due while a worker is killed: it is sent once."""
    schedule = _some(ReportSchedule.objects.filter(every=Every.WEEK), rng)
    if schedule is None:
        return
    sent = ReportDelivery.objects.filter(schedule=schedule, by_hand=False)
    count, due, period = sent.count(), schedule.next_run_at, _begins(schedule)
    time.shift(max(due - datetime.now(tz=UTC), timedelta(0)))
    connections.close_all()
    machines.work_until_killed(rng)
    # The lease of the dead worker runs out.
    for _ in range(2):
        time.shift(timedelta(minutes=70))
        machines.work()
    owner = schedule.made_by
    expected = owner.is_active and owner.has_perm(Action.REPORT)
    check(
        sent.count() - count == expected,
        f"{schedule} was due at {due}, and sent {sent.count() - count} reports",
    )
    schedule.refresh_from_db()
    check(schedule.next_run_at > datetime.now(tz=UTC), f"{schedule} stays due")
    if expected and period:
        first = sent[0].run.filters
        covered = first.get("found_from") or first.get("decided_from")
        check(covered == period.isoformat(), f"{schedule}: {covered}, not {period}")


def _change_template(person: Person, rng: random.Random) -> None:
    """Save a template, or replace the person's own of that name."""
    person.fill_in(
        "/reports/templates/",
        name=f"Report {rng.randrange(3)}",
        mode="match",
        format=rng.choice(["csv", "xlsx"]),
        separator="comma",
        byte_order_mark="yes",
        files_without="all",
        found_from="2026-01-01",
        zone=rng.choice(ZONES),
    )


def _settings(template: ReportTemplate, rng: random.Random) -> dict[str, object]:
    return {
        "template": template.pk,
        "every": rng.choice(Every.values),
        "hour": rng.randrange(24),
        "channel": "email",
        "recipients": "legal@example.org",
        **({"last_period": "on"} if rng.random() < 0.8 else {}),
        **({"send_unchanged": "on"} if rng.random() < 0.3 else {}),
    }


def _begins(schedule: ReportSchedule) -> date | None:
    """Return the first day of the next report; None if it covers all matches."""
    period = scheduling.next_period(schedule=schedule)
    return period[0] if period else None


def schedules_hold() -> None:
    """Check that the reports of each schedule follow each other without a gap."""
    for schedule in ReportSchedule.objects.all():
        period = scheduling.next_period(schedule=schedule)
        last = ReportDelivery.objects.filter(schedule=schedule, by_hand=False).first()
        until = last.run.filters.get("found_until") if last else None
        if period and until:
            days = (period[0] - date.fromisoformat(until)).days
            check(days <= 1, f"{schedule}: {days - 1} days after {until} are left out")


def _some(rows: QuerySet[Row], rng: random.Random) -> Row | None:
    choices = list(rows)
    return rng.choice(choices) if choices else None
