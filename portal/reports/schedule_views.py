"""Views of scheduled reports and their latest deliveries."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.roles import Action
from jobs.choices import OPEN_STATES
from jobs.selectors import jobs_of
from portal.reports.forms import ScheduleForm
from portal.shared.access import PortalRequest, needs
from portal.shared.asking import ask_first
from reports import scheduling
from reports.jobs import DELIVERY
from reports.models import ReportDelivery, ReportSchedule

_DELIVERIES = 20


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def schedules(request: PortalRequest) -> HttpResponseBase:
    """List the user's schedules, or all for an admin; a POST creates one."""
    form = ScheduleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = scheduling.schedule_report(
            template=form.cleaned_data["template"], plan=form.plan, user=request.user
        )
        messages.success(
            request, _("“%(name)s” is scheduled.") % {"name": made.template.name}
        )
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
            "deliveries": [(each, waiting.get(each.pk)) for each in deliveries],
            "has_templates": form.fields["template"].queryset.exists(),  # type: ignore[attr-defined]  # a model choice
        },
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def schedule_end(request: PortalRequest, uid: str) -> HttpResponseBase:
    """End a schedule after a confirmation."""
    schedule: ReportSchedule = get_object_or_404(
        scheduling.schedules_for(user=request.user), uid=uid
    )
    if request.method == "POST":
        scheduling.end_schedule(schedule=schedule, user=request.user)
        messages.success(request, _("The schedule has ended."))
        return redirect("portal:report_schedules")
    receivers = schedule.url or ", ".join(schedule.recipients)
    return ask_first(
        request,
        title=_("End the schedule of “%(name)s”") % {"name": schedule.template.name},
        text=_(
            "The report no longer runs by itself, and nothing more is sent to "
            "%(receivers)s. The template and earlier reports stay."
        )
        % {"receivers": receivers},
        submit=_("End the schedule"),
        crumbs=[
            (_("Reports"), reverse("portal:reports")),
            (_("Schedules"), reverse("portal:report_schedules")),
        ],
    )
