"""Retries and cancels jobs; each kind has its own services and required permission."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.roles import Action
from base.jobs import periodic
from base.jobs import services as job_services
from base.jobs.listing import ListedJob
from catalogue.changes import ChangeRefused, refingerprint
from dedup.checks import CheckUnderWay, cancel_check, resume_check
from imports import services as imports
from imports.kinds import kind_of_model
from reports import scheduling
from reports import services as report_services
from reports.evidence import services as evidence_services
from reports.evidence.services import EvidenceRefused
from scanning.choices import HOPELESS_CODES
from scanning.errors import IntakeRefused
from scanning.services import callbacks, outbound_callbacks, retro
from scanning.services.scans import cancel_scan, request_scan
from web.portal.shared.access import NOT_ALLOWED
from web.portal.shared.job_actions import JobActions, job_actions


class NotTriedAgain(Exception):
    """A job was not retried; the message says why."""


def may_try_again(job: ListedJob, user: User) -> bool:
    """Return whether the user's role allows a retry of this job, and it may help."""
    return user.has_perm(_way(job).action) and not needs_other_audio(job)


def needs_other_audio(job: ListedJob) -> bool:
    """Tell whether a scan failed for a cause that trying again cannot change."""
    return job.kind.name == "scan" and job.row.code in HOPELESS_CODES


def may_cancel(job: ListedJob, user: User) -> bool:
    """Return whether jobs of this kind can be cancelled, and the user's role may."""
    way = _way(job)
    return way.cancel is not None and user.has_perm(way.action)


def cancel(*, job: ListedJob, user: User) -> None:
    """Cancel a job: at once if it waits, at its next step if it runs.

    Raises ``PermissionDenied`` if the user may not cancel it.
    """
    way = _way(job)
    if way.cancel is None or not user.has_perm(way.action):
        raise PermissionDenied(str(NOT_ALLOWED))
    way.cancel(job, user)


def try_again(*, job: ListedJob, user: User) -> None:
    """Queue a failed job again.

    Raises ``NotTriedAgain`` if the job cannot be retried now, and ``PermissionDenied``
    if the user may not retry it.
    """
    if needs_other_audio(job):
        raise NotTriedAgain(
            _("%(job)s: trying again cannot help. Attach other audio on its page.")
            % {"job": job.title}
        )
    if not may_try_again(job, user):
        raise PermissionDenied(str(NOT_ALLOWED))
    way = _way(job)
    refusals: tuple[type[Exception], ...] = (*_REFUSALS, *way.refusals)
    try:
        done = way.again(job, user)
    except refusals as refused:
        raise NotTriedAgain(f"{job.title}: {refused}") from refused
    except CheckUnderWay as refused:
        raise NotTriedAgain(_("A check is already running.")) from refused
    if done is False:
        raise NotTriedAgain(
            _("%(job)s has changed in the meantime. Reload to see its state.") % {"job": job.title}
        )


def _try_again(job: ListedJob, user: User) -> bool:
    """Let a job wait again if its kind has no service of its own."""
    with transaction.atomic():
        base.audit.services.record(
            case=f"job:{job.row.uid}",
            action="job.tried_again",
            actor=user,
            after={"kind": job.kind.name},
        )
        return job_services.try_again(job.row)


_REFUSALS = (ChangeRefused, EvidenceRefused, IntakeRefused, report_services.ReportStopped)
_USUAL = JobActions(Action.CONFIGURE, _try_again)
_REGULAR = JobActions(Action.CONFIGURE, lambda job, _user: periodic.try_again(job.row))
_SCAN = JobActions(
    Action.UPLOAD,
    lambda job, user: request_scan(
        scanned_file=job.subject.scanned_file, user=user, waited_for=True
    ),
    lambda job, user: cancel_scan(scan=job.subject, user=user),
)


def _undo_again(job: ListedJob, user: User) -> bool:
    begin = imports.check_undo if job.kind.name.endswith("_check") else imports.undo
    return begin(import_=job.subject, user=user)


_ACTIONS: dict[str, JobActions] = {
    "scan": _SCAN,
    "cloud_scan": _SCAN,
    "recording": JobActions(
        Action.EDIT_CATALOGUE, lambda job, user: refingerprint(recording=job.subject, user=user)
    ),
    "retro_search": JobActions(
        Action.APPROVE,
        lambda job, user: retro.resume_search(search=job.subject, user=user),
        lambda job, user: retro.cancel_search(search=job.subject, user=user),
    ),
    "catalogue_check": JobActions(
        Action.EDIT_DUPLICATES,
        lambda job, user: resume_check(check=job.subject, user=user),
        lambda job, user: cancel_check(check=job.subject, user=user),
    ),
    "report": JobActions(
        Action.REPORT,
        lambda job, user: report_services.try_again(run=job.subject, user=user),
        lambda job, user: report_services.cancel_run(run=job.subject, user=user),
    ),
    "evidence": JobActions(
        Action.REPORT,
        lambda job, user: evidence_services.try_again(pack=job.subject, user=user),
        lambda job, user: evidence_services.cancel_pack(pack=job.subject, user=user),
    ),
    "callback_sent": JobActions(
        Action.CONFIGURE,
        lambda job, user: outbound_callbacks.send_again(callback=job.subject, user=user),
    ),
    "callback_received": JobActions(
        Action.CONFIGURE, lambda job, user: callbacks.replay(callback=job.subject, user=user)
    ),
    "dispatch": JobActions(
        Action.REPORT, lambda job, user: scheduling.send_again(delivery=job.subject, user=user)
    ),
}


def _way(job: ListedJob) -> JobActions:
    if kind := kind_of_model(job.kind.model):
        is_undo = job.kind in (kind.undo_check, kind.undo)
        return JobActions(
            kind.action,
            _undo_again
            if is_undo
            else lambda job, user: imports.try_again(import_=job.subject, user=user),
            lambda job, user: imports.cancel(import_=job.subject, user=user),
        )
    usual = _REGULAR if job.kind.every else _USUAL
    return _ACTIONS.get(job.kind.name) or dict(job_actions).get(job.kind.name, usual)
