"""Work that asks for its own next run while its row is enabled: watches and drops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.jobs.choices import OPEN_STATES
from base.jobs.context import JobContext
from base.jobs.kinds import Kind
from base.jobs.selectors import jobs_of
from base.jobs.services import hold_back, submit


@transaction.atomic
def finish_and_repeat(context: JobContext, *, next_at: datetime, **columns: object) -> None:
    """Finish the job, and ask for the next one unless its row is switched off."""
    context.finish(**columns)
    # Lock the row so that switching it on finds either this job or the next one.
    rows = type(context.subject)._base_manager.select_for_update()
    row = rows.filter(pk=context.subject.pk).first()
    if row is not None and row.enabled:
        submit(context.kind, row, at=next_at)


def ends_idle(context: JobContext, at: datetime) -> bool:
    """Finish without work, and return True, if the row is off or its container deleted.

    Deleted containers keep their rows for the history, switched off.
    """
    if not context.subject.enabled:
        finish_and_repeat(context, next_at=at)
        return True
    if context.subject.container.deleted_at is not None:
        why = _("The container was deleted.")
        finish_and_repeat(context, next_at=at, enabled=False, last_error=why)
        return True
    return False


@transaction.atomic
def switch(kind: Kind, row: Any, *, enabled: bool) -> None:  # Any: has ``enabled``
    """Switch a row on or off; after switching on, overdue work is done at once."""
    # Update the row first: a job that is ending either has asked for the next one, or
    # waits for this lock and then sees that the row is on.
    type(row)._base_manager.filter(pk=row.pk).update(enabled=enabled)
    # The job of a row that is off stays until it is due, and then does nothing.
    if enabled and not jobs_of(kind, [row], OPEN_STATES):
        submit(kind, row)


@transaction.atomic
def change_settings(
    kind: Kind,
    row: Any,  # Any: has ``enabled``, ``failures`` and ``interval``
    *,
    columns: Mapping[str, object],
    last_at: datetime | None,
) -> None:
    """Write new settings, and let the next run be an interval after the last one.

    A row that is off gets no job, and one that failed keeps its longer pause.
    """
    for name, value in columns.items():
        setattr(row, name, value)
    # The job is locked before the row, in the same order as when a run ends, so that the
    # two cannot deadlock.
    if row.enabled and last_at is not None and not row.failures:
        next_at = last_at + row.interval
        submit(kind, row, at=next_at)
        hold_back(kind, type(row)._base_manager.filter(pk=row.pk), until=next_at)
    row.save(update_fields=list(columns))


def run_soon(kind: Kind, row: Any, *, user: User) -> None:  # Any: has ``enabled``
    """Ask for a run now; a row that is off runs when it is switched on."""
    if row.enabled:
        submit(kind, row, user=user)


def next_runs(kind: Kind, rows: Iterable[models.Model]) -> dict[int, datetime]:
    """Return when the work on rows is done next, by primary key."""
    jobs = jobs_of(kind, rows, OPEN_STATES)
    return {row: job.run_after for row, job in jobs.items()}


def pause_after(usual: timedelta, failures: int, *, longest: timedelta) -> timedelta:
    """Double the usual pause with each failure in a row, up to ``longest``."""
    # The exponent is capped so that long outages cannot overflow the interval.
    doubled: timedelta = usual * 2 ** min(failures, 10)
    return min(doubled, max(longest, usual))
