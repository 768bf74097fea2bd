"""Stations: the list, a page each, and the recordings that must not be played."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.models import Recording
from plugins.monitoring.pages.streams.forms import BannedForm, StationForm
from plugins.monitoring.pages.streams.presentation import stream_badge
from plugins.monitoring.streams import selectors, services
from plugins.monitoring.streams.errors import StreamRefused
from plugins.monitoring.streams.models import Station
from web.portal.shared.access import PortalRequest, needs


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def station_add(request: PortalRequest) -> HttpResponseBase:
    """Add a station."""
    form = StationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            station = services.add_station(user=request.user, **form.cleaned_data)
        except StreamRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(
                request, _("The station %(station)s was added.") % {"station": station}
            )
            return redirect("portal:station", uid=station.uid)
    return _form(request, form)


@require_safe
@needs(Action.VIEW)
def station(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a station, its streams and the recordings that it must not play."""
    return _show(request, _station(uid))


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def station_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change a station."""
    station = _station(uid)
    form = StationForm(request.POST or None, instance=_station(uid))
    if request.method == "POST" and form.is_valid():
        try:
            services.change_station(station=station, user=request.user, **form.cleaned_data)
        except StreamRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The station was saved."))
            return redirect("portal:station", uid=uid)
    return _form(request, form, station)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def station_banned(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Set the recordings that a station must not play."""
    station = _station(uid)
    form = BannedForm(request.POST)
    if not form.is_valid():
        return _show(request, station, form, status=422)
    try:
        _set_banned(station, form.cleaned_data["banned"], request.user)
    except StreamRefused as refused:
        form.add_error(None, str(refused))
        return _show(request, station, form, status=409)
    messages.success(request, _("The recordings that the station must not play were saved."))
    return redirect("portal:station", uid=uid)


@transaction.atomic
def _set_banned(station: Station, chosen: list[Recording], user: User) -> None:
    """Ban added recordings and allow removed ones, among those that the user sees."""
    before = {recording.pk: recording for recording in _banned(station)}
    after = {recording.pk: recording for recording in chosen}
    for pk in after.keys() - before.keys():
        services.ban_recording(station=station, recording=after[pk], user=user)
    for pk in before.keys() - after.keys():
        services.unban_recording(station=station, recording=before[pk], user=user)


def _banned(station: Station) -> list[Recording]:
    return list(Recording.objects.filter(banned_by=station).order_by("title", "pk"))


def _show(
    request: PortalRequest, station: Station, form: BannedForm | None = None, *, status: int = 200
) -> HttpResponseBase:
    banned = _banned(station)
    streams = selectors.list_streams().filter(station=station)
    context = {
        "station": station,
        "streams": [(stream, stream_badge(stream)) for stream in streams],
        "banned": banned,
        "form": form or BannedForm(initial={"banned": banned}),
        "may_change": request.user.has_perm(Action.EDIT_CATALOGUE),
    }
    return render(request, "portal/streams/station.html", context, status=status)


def _form(
    request: PortalRequest, form: StationForm, station: Station | None = None
) -> HttpResponseBase:
    return render(
        request,
        "portal/streams/station_form.html",
        {"form": form, "station": station},
        status=422 if form.errors else 200,
    )


def _station(uid: str) -> Station:
    return get_object_or_404(selectors.list_stations(), uid=uid)
