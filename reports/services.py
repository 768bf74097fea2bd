"""Reports for pages, admin, API and commands. Everything that leaves is an event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

import audit.services
from accounts.models import User
from common.leases import NO_LEASE
from common.queue import queue_holds_work
from reports import files, running, selectors, tasks
from reports.choices import STREAMED, UNFINISHED, Mode, RunState
from reports.layouts import Layout
from reports.models import ReportRun, ReportTemplate
from reports.selectors import Selection
from review.models import Match

AT_ONCE_ROWS = 10_000
"""Formats that are written as a whole are made while the person waits, up to here."""


class ReportStopped(Exception):
    """A run did not come to its end; the text says why."""


def stream_report(
    *,
    layout: Layout,
    user: User,
    name: str = "",
    matches: QuerySet[Match] | None = None,
) -> Iterator[bytes]:
    """Return a report in pieces while it is read, for a streamed response.

    ``matches`` are exactly those, instead of what the filters let pass. The format is
    CSV or JSON Lines.
    """
    if layout.format not in STREAMED:
        raise ValueError(f"{layout.format} is not written row by row")
    chosen = (
        running.chosen_by(layout)
        if matches is None
        else selectors.selected(matches=matches)
    )
    run = _begin(layout, chosen, user, name)
    running.claim(run)
    return running.stream(run, chosen)


def request_report(*, layout: Layout, user: User | str, name: str = "") -> ReportRun:
    """Let the worker run a report."""
    with transaction.atomic():
        run = _begin(layout, running.chosen_by(layout), user, name)
        transaction.on_commit(lambda: tasks.run_report.enqueue(run.pk))
    return run


def build_report(*, layout: Layout, user: User | str, name: str = "") -> ReportRun:
    """Run a report here and now; return it when it is ready.

    Raises ``ReportStopped``, and ``OSError`` where it could not be written.
    """
    chosen = running.chosen_by(layout)
    run = _begin(layout, chosen, user, name)
    running.claim(run)
    running.work(run, chosen)
    return _ready(run)


def write_again(
    *, run: ReportRun, layout: Layout, user: User | str, now: bool = False
) -> ReportRun:
    """Write the rows that a run kept in another way, whatever has changed since.

    A new run with the same pin; large ones are left to the worker unless asked for
    ``now``. Raises ``ReportStopped``, and ``OSError`` where it could not be written.
    """
    if (run.mode == Mode.FILE) != (layout.mode == Mode.FILE):
        raise ReportStopped(
            "A report per file keeps other rows than one per match; run it anew."
        )
    with transaction.atomic():
        again = ReportRun.objects.create(
            **layout.columns_of_model(),
            name=run.name,
            rows=run.rows.name,
            **{name: getattr(run, name) for name in _OF_ROWS},
            **_by(user),
        )
        _record(again, "exported", user, {"rows_of": run.uid})
        if run.row_count > AT_ONCE_ROWS and not now:
            transaction.on_commit(lambda: tasks.run_report.enqueue(again.pk))
            return again
    running.claim(again)
    running.work(again, running.chosen_by(layout))
    return _ready(again)


_OF_ROWS = ("as_of_event", "as_of_at", "row_count", "counts", "versions", "rows_sha256")


def cancel_run(*, run: ReportRun, user: User) -> None:
    """Stop a run: at once where it waits, within a second or two where it runs."""
    with transaction.atomic():
        ReportRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
            cancel_requested=True
        )
        ReportRun.objects.filter(pk=run.pk, state=RunState.QUEUED).update(
            state=RunState.CANCELLED, finished_at=datetime.now(tz=UTC)
        )
        _record(run, "cancelled", user, {})


def try_again(*, run: ReportRun, user: User) -> None:
    """Queue a run that was given up; rows that it kept are not read again.

    Raises ``ReportStopped`` where it was not given up, or where what was picked by hand
    for it was not kept.
    """
    if run.is_by_hand and not run.rows:
        raise ReportStopped("Select the matches and export them again.")
    with transaction.atomic():
        failed = ReportRun.objects.filter(pk=run.pk, state=RunState.FAILED)
        if not failed.update(
            state=RunState.QUEUED,
            message="",
            attempts=0,
            progress=0,
            finished_at=None,
            cancel_requested=False,
        ):
            raise ReportStopped("It was not given up.")
        _record(run, "tried_again", user, {})
        transaction.on_commit(lambda: tasks.run_report.enqueue(run.pk))


def download(*, run: ReportRun, user: User | str) -> Iterator[bytes]:
    """Return the file of a ready run as it was written; an event tells who took it."""
    _record(run, "downloaded", user, {"sha256": run.sha256})
    return files.file_content(run)


def save_template(*, name: str, layout: Layout, user: User) -> ReportTemplate:
    """Keep a layout under a name, in place of what was there; an event tells."""
    with transaction.atomic():
        template, _made = ReportTemplate.objects.update_or_create(
            name=name, defaults={**layout.columns_of_model(), "made_by": user}
        )
        audit.services.record(
            case=f"report-template:{template.uid}",
            action="saved",
            actor=user,
            after={"name": name, **layout.columns_of_model()},
        )
    return template


def delete_template(*, template: ReportTemplate, user: User) -> None:
    """Take a template away."""
    with transaction.atomic():
        audit.services.record(
            case=f"report-template:{template.uid}",
            action="deleted",
            actor=user,
            before={"name": template.name},
        )
        template.delete()


def requeue_stale_runs(**_signal: object) -> int:
    """Hand out again runs whose worker fell silent or whose queue entry was lost.

    A run that was interrupted too often ends, so that one which kills its worker does
    not do so for ever.
    """
    now = datetime.now(tz=UTC)
    silent = ReportRun.objects.filter(state=RunState.RUNNING, lease_until__lt=now)
    silent.filter(attempts__gte=settings.ACRPORTAL_MAX_ATTEMPTS).update(
        state=RunState.FAILED,
        message="It was interrupted too often. Run it again with fewer rows.",
        finished_at=now,
        **NO_LEASE,
    )
    silent.filter(filters__has_key="selected", rows="").update(
        state=RunState.FAILED,
        message="The download broke off. Select the matches and export them again.",
        finished_at=now,
        **NO_LEASE,
    )
    again = list(silent.values_list("pk", flat=True))
    silent.update(state=RunState.QUEUED, progress=0, **NO_LEASE)
    if not queue_holds_work():
        lost_before = now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)
        again += (
            ReportRun.objects.filter(state=RunState.QUEUED, created_at__lt=lost_before)
            .exclude(pk__in=again)
            .values_list("pk", flat=True)
        )
    for run_id in again:
        tasks.run_report.enqueue(run_id)
    return len(again)


def prune_runs(**_signal: object) -> int:
    """Delete finished runs past their time; rows that another run needs stay."""
    count = 0
    for run in runs_past_their_time(by=datetime.now(tz=UTC)):
        rows, file = run.rows.name, run.file.name
        run.delete()
        if file:
            default_storage.delete(file)
        if rows and not ReportRun.objects.filter(rows=rows).exists():
            default_storage.delete(rows)
        count += 1
    return count


def runs_past_their_time(*, by: datetime) -> QuerySet[ReportRun]:
    """Return the runs that are deleted by a moment."""
    made_before = by - timedelta(days=settings.ACRPORTAL_REPORT_DAYS)
    finished = ReportRun.objects.exclude(state__in=UNFINISHED)
    return finished.filter(created_at__lt=made_before)


def _begin(layout: Layout, chosen: Selection, user: User | str, name: str) -> ReportRun:
    """Keep the run and its event first: what begins to leave the portal has left it."""
    run = ReportRun.objects.create(
        **{**layout.columns_of_model(), "filters": chosen.filters},
        name=name[:200]
        or f"{layout.schema.name} {datetime.now(tz=UTC):%Y-%m-%d %H:%M}",
        **_by(user),
    )
    _record(run, "exported", user, {"filter": run.filters})
    return run


def _by(user: User | str) -> dict[str, object]:
    if isinstance(user, User):
        return {"run_by": user, "run_by_name": user.get_username()}
    return {"run_by_name": user}


def _ready(run: ReportRun) -> ReportRun:
    run.refresh_from_db()
    if run.state != RunState.READY:
        raise ReportStopped(run.message or "The report was cancelled.")
    return run


def _record(
    run: ReportRun, action: str, user: User | str, after: dict[str, object]
) -> None:
    audit.services.record(
        case=run.case,
        action=action,
        actor=user,
        after={"schema": Layout.of(run).schema.name, "format": run.format, **after},
    )
