"""The jobs of reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.accounts.reach import person_at_work
from base.accounts.roles import Action
from base.jobs import resources
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from base.jobs.services import submit
from reports.choices import RunState
from reports.models import ReportDelivery, ReportRun
from reports.models.schedule import ReportDeliveryState
from scanning.jobs import MAX_ATTEMPTS, RETRY_AFTER


def ask_for_deliveries(run: ReportRun) -> None:
    """Let what waits for a run be sent; call it in the transaction that ends the run."""
    waiting = ReportDelivery.objects.filter(run=run, state=ReportDeliveryState.WAITING)
    for delivery in waiting:
        submit(DELIVERY, delivery)


def record_end(delivery: ReportDelivery, state: ReportDeliveryState, why: str = "") -> None:
    """Record how a delivery ended."""
    base.audit.services.record(
        case=delivery.run.case,
        action=f"dispatch.{state}",
        actor=f"schedule:{delivery.schedule.uid}",
        after={
            "to": delivery.schedule.recipients or delivery.schedule.url,
            "sha256": delivery.run.sha256,
        },
        note=why,
    )


def _end_run(run: ReportRun, _state: JobState, code: str, cause: str) -> None:
    """Note when a run ended, and in words what killed its workers."""
    if code == "lost_worker":
        cause = gettext("The report was interrupted too often. Run it again with fewer rows.")
    ReportRun.objects.filter(pk=run.pk).update(
        message=cause[:500], finished_at=datetime.now(tz=UTC)
    )
    ask_for_deliveries(run)


def _end_delivery(delivery: ReportDelivery, _state: JobState, _code: str, cause: str) -> None:
    record_end(delivery, ReportDeliveryState.FAILED, cause)


def _own_deliveries() -> QuerySet[ReportDelivery] | None:
    """Return the deliveries of the viewer's own schedules; None for all."""
    person = person_at_work()
    if person is None or person.has_perm(Action.CONFIGURE):
        return None
    return ReportDelivery.objects.filter(schedule__made_by=person)


REPORT = register(
    Kind(
        "report",
        ReportRun,
        "reports.report_job.run",
        label=_("Report"),
        page=lambda run: run.url,
        priority=Priority.DOCUMENT,
        gives_way=True,
        # ``serve`` waits for 30 s in total.
        hand_back_after=10.0,
        mirror={
            JobState.WAITING: RunState.QUEUED,
            JobState.RUNNING: RunState.RUNNING,
            JobState.DONE: RunState.READY,
            JobState.FAILED: RunState.FAILED,
            JobState.CANCELLED: RunState.CANCELLED,
        },
        status_field="state",
        cause_field="message",
        on_end=_end_run,
    )
)
DELIVERY = register(
    Kind(
        "dispatch",
        ReportDelivery,
        "reports.sending.run",
        page=lambda _delivery: reverse("portal:report_schedules"),
        needs=frozenset({resources.OUTSIDE}),
        label=_("Delivery of a scheduled report"),
        pool=Pool.TALK,
        priority=Priority.DOCUMENT,
        max_attempts=lambda: MAX_ATTEMPTS,
        pause=lambda attempts: RETRY_AFTER[attempts - 1],
        # The work itself tells a report that was sent from one with nothing new.
        mirror={
            JobState.WAITING: ReportDeliveryState.WAITING,
            JobState.FAILED: ReportDeliveryState.FAILED,
        },
        status_field="state",
        cause_field="message",
        on_end=_end_delivery,
        title=lambda delivery: str(delivery.schedule),
        related=("schedule__template", "run"),
        visible=_own_deliveries,
    )
)
periodic(
    "report_retention",
    "reports.services.prune_runs",
    every=timedelta(minutes=1),
    label=_("Removal of old reports"),
)
periodic(
    "report_schedules",
    "reports.scheduling.run_due",
    needs=frozenset({resources.OUTSIDE}),
    every=timedelta(seconds=20),
    label=_("Start of scheduled reports"),
)
