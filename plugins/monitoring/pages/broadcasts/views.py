"""Pages on which people say what declarations ask about broadcasts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta

from django.contrib import messages
from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from base.accounts.roles import Action
from plugins.monitoring.broadcasts import selectors, services
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.broadcasts.times import hours_of_day, read_day, read_month
from plugins.monitoring.pages.broadcasts.forms import (
    AudienceForm,
    BroadcastForm,
    DayForm,
    EpisodeForm,
    HoursForm,
    MonthForm,
    RevenueForm,
)
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.models import Episode
from review.programmes.selectors import episode_of
from review.programmes.services import set_episode
from scanning.models import ScannedFile
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import Question, ask_before, ask_first
from web.portal.shared.seen_forms import SAVED, save_form
from web.portal.shared.selectors import find_file


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def file_broadcasts(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Set a file's episode; list its broadcasts."""
    file = find_file(uid)
    form, status = EpisodeForm(request.POST or None, row=episode_of(file) or Episode()), 200

    def save() -> None:
        set_episode(
            scanned_file=file,
            values=form.values(),
            user=request.user,
            seen=form.cleaned_data["seen"],
        )

    if request.method == "POST":
        status = save_form(form, save)
        if status == SAVED:
            messages.success(request, _("The episode was saved."))
            return redirect("portal:file_broadcasts", uid=uid)
    return _show_file(request, file, form, BroadcastForm(), status=status)


@require_POST
@needs(Action.UPLOAD)
def broadcast_add(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Add a broadcast of a file."""
    file = find_file(uid)
    form = BroadcastForm(request.POST)

    def save() -> None:
        services.add_broadcast(
            scanned_file=file,
            station=form.cleaned_data["station"],
            values=form.values(),
            user=request.user,
        )

    status = save_form(form, save)
    if status == SAVED:
        messages.success(request, _("The broadcast was added."))
        return redirect("portal:file_broadcasts", uid=uid)
    episode_form = EpisodeForm(row=episode_of(file) or Episode())
    return _show_file(request, file, episode_form, form, status=status)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def broadcast(request: PortalRequest, uid: uuid.UUID, broadcast: str) -> HttpResponseBase:
    """Change one broadcast."""
    current = _broadcast(uid, broadcast)
    form, status = BroadcastForm(request.POST or None, broadcast=current), 200

    def change() -> None:
        services.change_broadcast(
            broadcast=_broadcast(uid, broadcast),
            station=form.cleaned_data["station"],
            values=form.values(),
            user=request.user,
            despite=True,
        )

    def save() -> None:
        services.change_broadcast(
            broadcast=current,
            station=form.cleaned_data["station"],
            values=form.values(),
            user=request.user,
            seen=form.cleaned_data["seen"],
            despite=True,
        )

    if request.method == "POST":
        question = None
        if form.is_valid():
            question = _ask_before(request, current, change, _("Save the broadcast"))
        if question is not None:
            return question
        status = save_form(form, save)
        if status == SAVED:
            messages.success(request, _("The broadcast was saved."))
            return redirect("portal:file_broadcasts", uid=uid)
    row = Audience.objects.filter(broadcast=current).first() or Audience()
    return _show_broadcast(request, current, form, AudienceForm(row=row), status)


@require_POST
@needs(Action.REPORT)
def broadcast_audience(request: PortalRequest, uid: uuid.UUID, broadcast: str) -> HttpResponseBase:
    """Say how many people heard a broadcast."""
    current = _broadcast(uid, broadcast)
    form = AudienceForm(request.POST)

    def save() -> None:
        services.set_audience(
            station=current.station,
            broadcast=current,
            values=form.values(),
            user=request.user,
            seen=form.cleaned_data["seen"],
        )

    status = save_form(form, save)
    if status == SAVED:
        messages.success(request, _("The audience was saved."))
        return redirect("portal:file_broadcasts", uid=uid)
    return _show_broadcast(request, current, BroadcastForm(broadcast=current), form, status)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def broadcast_delete(request: PortalRequest, uid: uuid.UUID, broadcast: str) -> HttpResponseBase:
    """Delete one broadcast after a confirmation."""
    current = _broadcast(uid, broadcast)
    if request.method != "POST":
        stated = services.statements_on(current)
        text = _("Its audience and revenue are deleted too. The file stays.")
        return ask_first(
            request,
            title=_("Delete the broadcast by %(station)s") % {"station": current.station},
            text=" ".join([*stated, text]),
            submit=_("Delete the broadcast"),
            crumbs=[
                (_("Files"), reverse("portal:file_list")),
                (current.scanned_file, reverse("portal:file_detail", args=[uid])),
                (_("Broadcasts"), reverse("portal:file_broadcasts", args=[uid])),
            ],
            values={"seen": request.GET.get("seen", "")},
        )
    question = _ask_before(
        request,
        current,
        lambda: services.delete_broadcast(
            broadcast=_broadcast(uid, broadcast), user=request.user, despite=True
        ),
        _("Delete the broadcast"),
    )
    if question is not None:
        return question
    try:
        services.delete_broadcast(
            broadcast=current, user=request.user, seen=request.POST.get("seen", ""), despite=True
        )
    except ProgrammeRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The broadcast was deleted."))
    return redirect("portal:file_broadcasts", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def station_figures(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Enter a station's audience of a month; list the known ones."""
    station, month = _station(uid), _month(request)
    if request.method != "POST":
        form = _month_form(station, month)
        return _show_figures(request, station, month, form, None, 200)
    form = AudienceForm(request.POST)

    def save() -> None:
        services.set_audience(
            station=station,
            month=month,
            values=form.values(),
            user=request.user,
            seen=form.cleaned_data["seen"],
        )

    status = save_form(form, save)
    if status == SAVED:
        return _figures_saved(request, station, month)
    return _show_figures(request, station, month, form, None, status)


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def station_hours(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Enter how many people heard a station in each hour of a day."""
    station, day = _station(uid), _day(request)
    hours = hours_of_day(day, station.time_zone)
    heard = selectors.hours_heard(station, hours[0], hours[-1])
    form = HoursForm(day, station.time_zone, heard, request.POST or None)
    status = 200

    def save() -> None:
        services.set_hours(
            station=station,
            listeners=form.listeners(),
            user=request.user,
            seen=form.cleaned_data["seen"],
        )

    if request.method == "POST":
        status = save_form(form, save)
        if status == SAVED:
            messages.success(request, _("The figures were saved."))
            response = redirect("portal:station_hours", uid=uid)
            response["Location"] += f"?day={day}"
            return response
    context = {
        "station": station,
        "day": day,
        "day_form": DayForm(initial={"day": day}),
        "form": form,
    }
    return render(request, "portal/broadcasts/hours.html", context, status=status)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def station_revenue(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Enter a station's revenue of a month; for managers."""
    station, month = _station(uid), _month(request)
    rights = request.POST.get("rights", "")
    if rights not in RightsType.values:
        messages.error(request, _("Choose the kind of rights."))
        return redirect("portal:station_figures", uid=uid)
    form = RevenueForm(RightsType(rights), request.POST)

    def save() -> None:
        services.set_revenue(
            station=station,
            month=month,
            rights_type=form.rights_type,
            values=form.values(),
            user=request.user,
            seen=form.cleaned_data["seen"],
        )

    status = save_form(form, save)
    if status == SAVED:
        return _figures_saved(request, station, month)
    month_form = _month_form(station, month)
    return _show_figures(request, station, month, month_form, form, status)


# --- Details --------------------------------------------------------------------------


def _broadcast(uid: uuid.UUID, broadcast: str) -> Broadcast:
    rows = selectors.list_broadcasts().filter(scanned_file__uid=uid)
    return get_object_or_404(rows, uid=broadcast)


def _station(uid: str) -> Station:
    return get_object_or_404(Station, uid=uid)


def _ask_before(
    request: PortalRequest, broadcast: Broadcast, change: Callable[[], object], submit: str
) -> HttpResponseBase | None:
    """Show which statements change if the broadcast does, unless the person agreed."""
    file = broadcast.scanned_file
    try:
        return ask_before(
            request,
            change,
            about=Q(scanned_file=file.pk),
            question=Question(
                title=_("These statements change"),
                text=_("Nothing is done yet."),
                submit=submit,
                crumbs=[(_("Broadcasts"), reverse("portal:file_broadcasts", args=[file.uid]))],
            ),
        )
    except ProgrammeRefused:
        # The change itself is refused again, with the reason beside its field.
        return None


def _show_file(
    request: PortalRequest,
    file: ScannedFile,
    episode_form: EpisodeForm,
    broadcast_form: BroadcastForm,
    *,
    status: int,
) -> HttpResponseBase:
    context = {
        "file": file,
        "form": broadcast_form if broadcast_form.errors else episode_form,
        "episode_form": episode_form,
        "broadcast_form": broadcast_form,
        "broadcasts": [
            (row, services.broadcast_state(row), getattr(row, "audience", None))
            for row in selectors.broadcasts_of(file)
        ],
    }
    template = "portal/broadcasts/file_broadcasts.html"
    return render(request, template, context, status=status)


def _show_broadcast(
    request: PortalRequest,
    broadcast: Broadcast,
    form: BroadcastForm,
    audience_form: AudienceForm,
    status: int,
) -> HttpResponseBase:
    context = {
        "file": broadcast.scanned_file,
        "broadcast": broadcast,
        "form": audience_form if audience_form.errors else form,
        "broadcast_form": form,
        "audience_form": audience_form,
    }
    return render(request, "portal/broadcasts/broadcast.html", context, status=status)


def _month(request: PortalRequest) -> date:
    """Return the first day of the asked month; without one, of the last month."""
    text = request.POST.get("month") or request.GET.get("month", "")
    try:
        return read_month(text)
    except ProgrammeRefused:
        this_month = timezone.localdate().replace(day=1)
        return (this_month - timedelta(days=1)).replace(day=1)


def _day(request: PortalRequest) -> date:
    """Return the asked day; without one, yesterday."""
    text = request.POST.get("day") or request.GET.get("day", "")
    try:
        return read_day(text)
    except ProgrammeRefused:
        return timezone.localdate() - timedelta(days=1)


def _month_form(station: Station, month: date) -> AudienceForm:
    row = Audience.objects.filter(station=station, month=month).first() or Audience()
    return AudienceForm(row=row)


def _figures_saved(request: PortalRequest, station: Station, month: date) -> HttpResponseBase:
    messages.success(request, _("The figures were saved."))
    response = redirect("portal:station_figures", uid=station.uid)
    response["Location"] += f"?month={month:%Y-%m}"
    return response


def _show_figures(
    request: PortalRequest,
    station: Station,
    month: date,
    form: AudienceForm,
    revenue_form: RevenueForm | None,
    status: int,
) -> HttpResponseBase:
    context = {
        "station": station,
        "month": month,
        "month_form": MonthForm(initial={"month": f"{month:%Y-%m}"}),
        "audience_form": form,
        "form": revenue_form if revenue_form and revenue_form.errors else form,
        "audiences": selectors.audiences_of(station)[:36],
    }
    if request.user.has_perm(Action.EDIT_CATALOGUE):
        context["revenue_forms"] = _revenue_forms(station, month, revenue_form)
        context["revenues"] = selectors.revenues_of(station)[:72]
    return render(request, "portal/broadcasts/figures.html", context, status=status)


def _revenue_forms(station: Station, month: date, sent: RevenueForm | None) -> list[RevenueForm]:
    """Return a form for each kind of rights; ``sent`` is one that was refused."""
    revenues = {
        row.rights_type: row for row in Revenue.objects.filter(station=station, month=month)
    }
    return [
        sent
        if sent is not None and sent.rights_type == kind
        else RevenueForm(kind, row=revenues.get(kind) or Revenue())
        for kind in RightsType
    ]
