"""Views that list jobs of all kinds, cancel open ones and retry failed ones."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from base.accounts.roles import Action
from base.jobs import clock, installation, machines, resources
from base.jobs.choices import OPEN_STATES, InstallationRole, JobState
from base.jobs.kinds import all_kinds, find_kind
from base.jobs.listing import LISTED_STATES, count_jobs, find_job, list_jobs
from base.jobs.selectors import standstill
from catalogue import following
from scanning.models import Container
from web.portal.jobs.services import (
    NotTriedAgain,
    cancel,
    may_cancel,
    may_try_again,
    needs_other_audio,
    try_again,
)
from web.portal.shared.access import PortalRequest, needs

_AT_ONCE = 100


@never_cache
@require_GET
@needs(Action.VIEW)
def job_list(request: PortalRequest) -> HttpResponseBase:
    """List the jobs of the ``state`` and ``kind`` in the query string.

    Without a valid state the list shows running jobs.
    """
    state = _state_of(request.GET.get("state", ""))
    kind = _kind_of(request.GET.get("kind", ""))
    container = _container_of(request.GET.get("container", ""))
    page_jobs = list_jobs(
        state=state, kind=kind, container=container.pk if container else None, limit=_AT_ONCE
    )
    failed = state is JobState.FAILED
    return render(
        request,
        "portal/jobs/jobs.html",
        {
            "jobs": [(job, job.page) for job in page_jobs],
            "again": [
                job.row.uid for job in page_jobs if failed and may_try_again(job, request.user)
            ],
            "for_other_audio": [
                job.row.uid for job in page_jobs if failed and needs_other_audio(job)
            ],
            "cancellable": [
                job.row.uid for job in page_jobs if not failed and may_cancel(job, request.user)
            ],
            "state": state,
            "states": count_jobs(),
            "kind": kind,
            "kinds": {kind.name: kind.label for kind in all_kinds() if kind.every is None},
            "container": container,
            "filters": _filters(kind, container),
            "containers": Container.objects.present().order_by("name"),
            "now": clock.now(),
            "stands_still": standstill() is not None,
            "copies": following.copies(),
            "unheld": following.unheld(),
            "machines": machines.machine_list(),
            "undone": [resources.duty_words(duty) for duty in machines.undone_duties()],
            "may_delete": request.user.has_perm(Action.DELETE),
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def installation_role(request: PortalRequest) -> HttpResponseBase:
    """Say whether this is the real installation, or a copy that sends nothing."""
    role = request.POST.get("role", "")
    if request.method == "POST" and role in (InstallationRole.REAL, InstallationRole.COPY):
        if installation.declare(InstallationRole(role), user=request.user):
            text = (
                _("This is the real installation now. Waiting work goes out.")
                if role == InstallationRole.REAL
                else _("This is a copy now. It sends and fetches nothing.")
            )
            messages.success(request, text)
        return redirect("portal:installation")
    current = installation.current()
    context = {
        "installation": current,
        "is_real": current is None or current.role == InstallationRole.REAL,
        "is_copy": current is not None and current.role == InstallationRole.COPY,
        "resting": [
            kind.label
            for kind in all_kinds()
            if resources.OUTSIDE in kind.needs and kind.every is None
        ],
    }
    return render(request, "portal/jobs/installation.html", context)


@require_POST
@needs(Action.UPLOAD)
def job_again(request: PortalRequest) -> HttpResponseBase:
    """Retry one failed job, or all failed jobs that the page shows."""
    done, refused = 0, []
    for key in request.POST.getlist("job")[:_AT_ONCE]:
        job = find_job(key, [JobState.FAILED])
        if job is None:
            refused.append(_("A job has changed in the meantime, or you may not see it."))
            continue
        try:
            try_again(job=job, user=request.user)
        except (NotTriedAgain, PermissionDenied) as error:
            refused.append(str(error))
        else:
            done += 1
    if done:
        messages.success(
            request,
            ngettext("%(count)s job was queued again.", "%(count)s jobs were queued again.", done)
            % {"count": done},
        )
    for message in dict.fromkeys(refused):
        messages.error(request, message)
    return _back(request, JobState.FAILED)


@require_POST
@needs(Action.UPLOAD)
def job_cancel(request: PortalRequest) -> HttpResponseBase:
    """Cancel one waiting or running job."""
    key = request.POST.get("job", "")
    job = find_job(key, OPEN_STATES)
    try:
        if job is None:
            raise PermissionDenied(_("The job has ended, or you may not see it."))
        cancel(job=job, user=request.user)
    except PermissionDenied as refused:
        messages.error(request, str(refused))
    else:
        waited = job.row.state == JobState.WAITING
        message = _("%(job)s was cancelled.") if waited else _("%(job)s is being cancelled.")
        messages.success(request, message % {"job": job.title})
    return _back(request, _state_of(request.POST.get("state", "")))


def _back(request: PortalRequest, state: JobState) -> HttpResponseBase:
    """Return to the list of jobs in a state, of the kind that the page showed."""
    container = _container_of(request.POST.get("container", ""))
    query = {
        "state": state,
        "kind": _kind_of(request.POST.get("kind", "")),
        "container": container.pk if container else "",
    }
    return redirect(f"{reverse('portal:jobs')}?{urlencode(query)}")


def _state_of(value: str) -> JobState:
    return JobState(value) if value in LISTED_STATES else JobState.RUNNING


def _filters(kind: str, container: Container | None) -> str:
    """Return the filters as the rest of a query string."""
    chosen = {"kind": kind, "container": container.pk if container else ""}
    return "".join(f"&{urlencode({name: value})}" for name, value in chosen.items() if value)


def _kind_of(key: str) -> str:
    return key if find_kind(key) else ""


def _container_of(number: str) -> Container | None:
    if not number.isdecimal():
        return None
    return Container.objects.present().filter(pk=int(number[:18])).first()
