"""Report services for pages, admin, API and commands; each export is an event."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import why_limited
from base.accounts.roles import Action
from base.accounts.services import may_change_made
from base.audit.standing import StatementKind
from base.jobs.errors import Failed, Stopped
from base.jobs.models import Job
from base.jobs.runner import here
from base.jobs.services import begin_here, cancel_subject, submit, try_subject_again
from reports import files, report_job, selectors
from reports.choices import STREAMED, UNFINISHED, Mode, RunState
from reports.jobs import REPORT
from reports.layouts import Layout
from reports.models import ReportRun, ReportTemplate
from reports.selectors import Selection
from review.models import Match
from statements.services import end_following

logger = logging.getLogger(__name__)

AT_ONCE_ROWS = 10_000
"""Up to this size, other formats are written while the person waits."""


class ReportStopped(Exception):
    """A run did not finish; the message gives the cause."""


def stream_report(
    *, layout: Layout, user: User, name: str = "", matches: QuerySet[Match] | None = None
) -> Iterator[bytes]:
    """Yield a report while it is read, for a streamed response.

    ``matches`` replaces the selection by the filters. The format must be CSV or JSON
    Lines.
    """
    if layout.format not in STREAMED:
        raise ValueError(_("%(format)s cannot be streamed") % {"format": layout.format})
    chosen = (
        report_job.chosen_by(layout) if matches is None else selectors.selected(matches=matches)
    )
    with transaction.atomic():
        run = _begin(layout, chosen, user, name)
        job = begin_here(REPORT, run, user=run.run_by)
    return report_job.stream(job, chosen)


def request_report(*, layout: Layout, user: User | str, name: str = "") -> ReportRun:
    """Queue a report for the worker."""
    with transaction.atomic():
        run = _begin(layout, report_job.chosen_by(layout), user, name)
        submit(REPORT, run, user=run.run_by)
    return run


def build_report(*, layout: Layout, user: User | str, name: str = "") -> ReportRun:
    """Run a report now and return it when it is ready.

    Raises ``ReportStopped``.
    """
    with transaction.atomic():
        run = _begin(layout, report_job.chosen_by(layout), user, name)
        job = begin_here(REPORT, run, user=run.run_by)
    return _done_here(job, run)


def write_again(
    *, run: ReportRun, layout: Layout, user: User | str, now: bool = False
) -> ReportRun:
    """Write the stored rows of a run in another layout, whatever has changed since.

    The new run keeps the event of the old one. Large runs go to the worker unless
    ``now``. Raises ``ReportStopped``.
    """
    # Match and segment reports store the same rows; file summaries differ.
    if (run.mode == Mode.FILE) != (layout.mode == Mode.FILE):
        raise ReportStopped(
            _("A report per file needs other rows than a report per match. Run a new report.")
        )
    with transaction.atomic():
        again = ReportRun.objects.create(
            **layout.columns_of_model(),
            name=run.name,
            rows=run.rows.name,
            **{name: getattr(run, name) for name in _OF_ROWS},
            row_count=run.rows_in(layout.mode),
            **_by(user),
        )
        _record(again, "exported", user, {"rows_of": run.uid})
        # A person waits for the response: leave what takes long to the worker.
        if run.row_count > AT_ONCE_ROWS and not now:
            submit(REPORT, again, user=again.run_by)
            return again
        job = begin_here(REPORT, again, user=again.run_by)
    return _done_here(job, again)


_OF_ROWS = ("as_of_event", "as_of_at", "counts", "limits", "versions", "rows_sha256")


def cancel_run(*, run: ReportRun, user: User) -> None:
    """Cancel a run: at once if it waits, within two seconds if it runs."""
    with transaction.atomic():
        if cancel_subject(REPORT, run):
            _record(run, "cancelled", user, {})


def try_again(*, run: ReportRun, user: User) -> None:
    """Queue a failed run again; stored rows are not read again.

    Raises ``ReportStopped`` if it has not failed, or if matches were selected by hand
    and their rows were not stored.
    """
    if run.is_by_hand and not run.rows:
        raise ReportStopped(_("Select the matches and export them again."))
    with transaction.atomic():
        failed = ReportRun.objects.filter(pk=run.pk, state=RunState.FAILED)
        if not failed.update(finished_at=None):
            raise ReportStopped(_("The report has not failed, so there is nothing to try again."))
        try_subject_again(REPORT, run, user=user)
        _record(run, "tried_again", user, {})


def download(*, run: ReportRun, user: User | str) -> Iterator[bytes]:
    """Return the file of a finished run, and record the download."""
    _record(run, "downloaded", user, {"sha256": run.sha256})
    return files.file_content(run)


class NameTaken(Exception):
    """Somebody else has a template of this name; schedules may run it."""


def save_template(*, name: str, layout: Layout, user: User) -> ReportTemplate:
    """Save a layout under a name, replacing the person's own template of that name.

    Raises ``NameTaken``, having saved nothing.
    """
    with transaction.atomic():
        same = ReportTemplate.objects.select_for_update().filter(name=name).first()
        if same is not None and same.made_by not in (None, user):
            raise NameTaken(
                _("%(maker)s already has a template called “%(name)s”. Choose another name.")
                % {"maker": same.made_by, "name": name}
            )
        template, _made = ReportTemplate.objects.update_or_create(
            name=name, defaults={**layout.columns_of_model(), "made_by": user}
        )
        base.audit.services.record(
            case=f"report-template:{template.uid}",
            action="saved",
            actor=user,
            after={"name": name, **layout.columns_of_model()},
        )
    return template


def delete_template(*, template: ReportTemplate, user: User) -> None:
    """Delete a template; only its maker and managers may.

    Raises ``PermissionDenied``.
    """
    if refusal := why_not_delete(template, user):
        raise PermissionDenied(refusal)
    with transaction.atomic():
        base.audit.services.record(
            case=f"report-template:{template.uid}",
            action="deleted",
            actor=user,
            before={"name": template.name},
        )
        template.delete()


def why_not_delete(template: ReportTemplate, user: User) -> str:
    """Return why a user may not delete a template; "" for its maker and managers.

    People with access limits may delete only their own.
    """
    maker = template.made_by_id
    if not may_change_made(maker, user, own=Action.REPORT, others=Action.APPROVE):
        return _("Only the person who made it or a manager may delete it.")
    return "" if maker == user.pk else why_limited(user)


def prune_runs() -> int:
    """Delete expired runs; rows that another run shares stay."""
    count = 0
    for run in runs_past_their_time(by=datetime.now(tz=UTC)):
        rows, file = run.rows.name, run.file.name
        with transaction.atomic():
            end_following(kind=StatementKind.REPORT, subjects=[run.uid])
            run.delete()
        if file:
            default_storage.delete(file)
        # Runs in other formats share the file of rows.
        if rows and not ReportRun.objects.filter(rows=rows).exists():
            default_storage.delete(rows)
        count += 1
    return count


def runs_past_their_time(*, by: datetime) -> QuerySet[ReportRun]:
    """Return the runs that expire by a moment."""
    made_before = by - timedelta(days=settings.ACRPORTAL_REPORT_DAYS)
    finished = ReportRun.objects.exclude(state__in=UNFINISHED)
    return finished.filter(created_at__lt=made_before)


def _begin(layout: Layout, chosen: Selection, user: User | str, name: str) -> ReportRun:
    """Create the run and its event first, because streaming may start at once."""
    run = ReportRun.objects.create(
        **{**layout.columns_of_model(), "filters": chosen.filters}, name=name[:200], **_by(user)
    )
    _record(run, "exported", user, {"filter": run.filters})
    return run


def _by(user: User | str) -> dict[str, object]:
    if isinstance(user, User):
        return {"run_by": user, "run_by_name": user.get_username()}
    return {"run_by_name": user}


def _done_here(job: Job, run: ReportRun) -> ReportRun:
    """Do the job of a run now, and return the run when it is ready."""
    try:
        with here(job) as context, report_job.failing_without_files():
            report_job.work(context, report_job.chosen_by(Layout.of(run)))
    except (Failed, Stopped) as stopped:
        logger.info("report %s stopped: %r", run.uid, stopped)
    run.refresh_from_db()
    if run.state != RunState.READY:
        raise ReportStopped(run.message or _("The report was cancelled."))
    return run


def _record(run: ReportRun, action: str, user: User | str, after: dict[str, object]) -> None:
    base.audit.services.record(
        case=run.case,
        action=action,
        actor=user,
        after={"schema": Layout.of(run).schema.name, "format": run.format, **after},
    )
