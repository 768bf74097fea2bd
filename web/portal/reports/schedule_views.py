"""Views of scheduled reports and their latest deliveries."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from base.accounts.roles import Action
from base.common.reading import read_date
from base.jobs.choices import OPEN_STATES
from base.jobs.selectors import jobs_of
from reports import scheduling
from reports.jobs import DELIVERY
from reports.models import ReportDelivery, ReportSchedule
from web.portal.reports.forms import OUTBOUND, ScheduleForm
from web.portal.shared.access import PortalRequest, confirm_outbound, needs
from web.portal.shared.asking import ask_first

_DELIVERIES = 20


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def schedules(request: PortalRequest) -> HttpResponseBase:
    """List the user's schedules, or all for an admin; a POST creates one."""
    form = ScheduleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        confirm_outbound(request, form, *OUTBOUND)
        made = scheduling.schedule_report(schedule=form.instance, user=request.user)
        messages.success(request, _("“%(name)s” is scheduled.") % {"name": made.template.name})
        return redirect("portal:report_schedules")
    rows = scheduling.schedules_for(user=request.user)
    latest = ReportDelivery.objects.filter(schedule__in=rows)
    deliveries = list(latest.select_related("schedule__template", "run")[:_DELIVERIES])
    waiting = jobs_of(DELIVERY, deliveries, OPEN_STATES)
    return render(
        request,
        "portal/reports/schedules.html",
        {
            "form": form,
            "schedules": rows,
            "deliveries": [(delivery, waiting.get(delivery.pk)) for delivery in deliveries],
            "has_templates": form.fields["template"].queryset.exists(),  # type: ignore[attr-defined]  # a model choice
        },
        status=422 if form.errors else 200,
    )


def _schedule(request: PortalRequest, uid: str) -> ReportSchedule:
    return get_object_or_404(scheduling.schedules_for(user=request.user), uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def schedule_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change a schedule; the page says what the change means for the next report."""
    schedule = _schedule(request, uid)
    next_report = _next_report(schedule)
    form = ScheduleForm(request.POST or None, instance=schedule)
    if request.method == "POST" and form.is_valid():
        confirm_outbound(request, form, *OUTBOUND)
        changed = scheduling.change_schedule(
            schedule=schedule, settings=form.instance, user=request.user
        )
        messages.success(request, _("Schedule saved.") + " " + _next_report(changed))
        return redirect("portal:report_schedules")
    return render(
        request,
        "portal/reports/schedule_edit.html",
        {"form": form, "schedule": schedule, "next_report": next_report},
        status=422 if form.errors else 200,
    )


@require_GET
@needs(Action.REPORT)
def schedule_next(request: PortalRequest, uid: str = "") -> HttpResponseBase:
    """Say when the next report comes and what it covers, with the form as it stands."""
    schedule = _schedule(request, uid) if uid else None
    form = ScheduleForm(request.GET)
    if not form.has_times:
        return _sentence(request, "")
    planned = (
        scheduling.as_changed(schedule=schedule, settings=form.instance)
        if schedule
        else scheduling.plan(schedule=form.instance, user=request.user)
    )
    return _sentence(request, _next_report(planned))


def _sentence(request: PortalRequest, sentence: str) -> HttpResponseBase:
    return render(request, "portal/reports/_next_report.html", {"next_report": sentence})


@require_POST
@needs(Action.REPORT)
def schedule_run(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Run a scheduled report at once, and send it."""
    schedule = _schedule(request, uid)
    try:
        run = scheduling.run_now(schedule=schedule, user=request.user)
    except scheduling.ScheduleRefused as refused:
        messages.error(request, str(refused))
        return redirect("portal:report_schedules")
    messages.success(
        request,
        _("The report runs now and is then sent to %(receivers)s. %(next)s")
        % {"receivers": _receivers(schedule), "next": _next_report(schedule)},
    )
    return redirect(run.url)


def _receivers(schedule: ReportSchedule) -> str:
    return schedule.url or ", ".join(schedule.recipients)


def _next_report(schedule: ReportSchedule) -> str:
    """Return the sentence about the next report of a schedule."""
    words = {"at": read_date(localtime(schedule.next_run_at), "moment")}
    period = scheduling.next_period(schedule=schedule)
    if period is None:
        return _("The next report runs on %(at)s and covers all matches.") % words
    first, last = period
    words |= {"first": read_date(first, "dated"), "last": read_date(last, "dated")}
    if first == last:
        return _("The next report runs on %(at)s and covers matches found on %(first)s.") % words
    return (
        _("The next report runs on %(at)s and covers matches found from %(first)s to %(last)s.")
        % words
    )


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def schedule_end(request: PortalRequest, uid: str) -> HttpResponseBase:
    """End a schedule after a confirmation."""
    schedule = _schedule(request, uid)
    if request.method == "POST":
        scheduling.end_schedule(schedule=schedule, user=request.user)
        messages.success(request, _("The schedule has ended."))
        return redirect("portal:report_schedules")
    return ask_first(
        request,
        title=_("End the schedule of “%(name)s”") % {"name": schedule.template.name},
        text=_(
            "The report no longer runs by itself, and nothing more is sent to "
            "%(receivers)s. The template and earlier reports stay."
        )
        % {"receivers": _receivers(schedule)},
        submit=_("End the schedule"),
        crumbs=[
            (_("Reports"), reverse("portal:reports")),
            (_("Schedules"), reverse("portal:report_schedules")),
        ],
    )
