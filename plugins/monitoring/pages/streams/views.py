"""Streams: now playing, the log, alarms, a day, and what people do with a stream."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.models import User
from base.accounts.roles import Action
from plugins.monitoring.pages.streams import log, page, presentation
from plugins.monitoring.pages.streams.day import day_page
from plugins.monitoring.pages.streams.forms import LogFilterForm, StreamForm, StreamSettingsForm
from plugins.monitoring.streams import log as airplays
from plugins.monitoring.streams import selectors, services
from plugins.monitoring.streams.errors import StreamRefused
from plugins.monitoring.streams.models import Airplay, Stream
from reports.choices import Format
from web.portal.shared.access import PortalRequest, confirm_outbound, needs
from web.portal.shared.asking import ask_first
from web.portal.shared.downloads import list_report
from web.portal.shared.lists import page_of

_REPORTS = (Format.CSV, Format.XLSX, Format.JSON_LINES, Format.PARQUET)
_VERBS: dict[str, tuple[Callable[..., None], Promise]] = {
    "pause": (services.pause_stream, gettext_lazy("%(stream)s is paused.")),
    "resume": (services.resume_stream, gettext_lazy("Listening to %(stream)s again.")),
    "restart": (services.restart_stream, gettext_lazy("%(stream)s is reconnecting.")),
}  # fmt: skip


@require_safe
@needs(Action.VIEW)
def streams(request: PortalRequest) -> HttpResponseBase:
    """List the streams with what plays now; the page asks for itself again."""
    now = datetime.now(tz=UTC)
    rows = page.now_rows(list(selectors.list_streams()), now)
    context = {"rows": rows, "now": now, "open_alarms": sum(len(row.alarms) for row in rows)}
    return render(request, "portal/streams/streams.html", context)


@require_safe
@needs(Action.VIEW)
def stream_log(request: PortalRequest) -> HttpResponseBase:
    """List plays, the newest first, with the titles that servers sent."""
    filters, plays = _logged(request)
    page_obj = page_of(request, plays)
    context = {
        "filters": filters,
        "page_obj": page_obj,
        "rows": log.log_rows(page_obj, log.log_zone(filters)),
        "is_filtered": any(filters.data.get(name) for name in filters.fields),
        "may_report": request.user.has_perm(Action.REPORT),
        "report_formats": [(form.value, form.label) for form in _REPORTS],
        "open_alarms": selectors.open_alarms().count(),
    }
    return render(request, "portal/streams/log.html", context)


@require_safe
@needs(Action.REPORT)
def stream_log_report(request: PortalRequest, form: str) -> HttpResponseBase:
    """Download the plays that the log shows."""
    _filters, plays = _logged(request)
    rows = airplays.rows(plays)
    return list_report(airplays.REPORT, rows, name="stream-log", form=form)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def stream_add(request: PortalRequest) -> HttpResponseBase:
    """Listen to an address first; add the stream after that."""
    form = StreamForm(request.POST or None)
    trial = None
    if request.method == "POST" and form.is_valid():
        try:
            if "add" in request.POST:
                stream = _add(form, request.user)
                messages.success(request, _("Now listening to %(stream)s.") % {"stream": stream})
                return redirect("portal:stream_day", uid=stream.uid)
            values = form.cleaned_data
            trial = page.shown_trial(
                services.try_out(urls=values["urls"], container=values["container"])
            )
        except StreamRefused as refused:
            form.add_error(None, str(refused))
    return render(
        request,
        "portal/streams/add.html",
        {"form": form, "trial": trial},
        status=422 if form.errors else 200,
    )


@transaction.atomic
def _add(form: StreamForm, user: User) -> Stream:
    values = form.cleaned_data
    station = values["station"] or services.add_station(
        user=user, name=values["station_name"].strip(), time_zone=values["time_zone"] or "UTC"
    )
    return services.add_stream(
        station=station,
        container=values["container"],
        name=values["name"] or station.name,
        urls=values["urls"],
        user=user,
        keep_hours=values["keep_hours"],
    )


@require_safe
@needs(Action.VIEW)
def stream_day(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a day of a stream: its picture, and the log of one hour."""
    stream = _stream(uid)
    now = datetime.now(tz=UTC)
    today = now.astimezone(presentation.zone_of(stream.station)).date()
    on = _day(request.GET.get("date", ""), today)
    view = day_page(stream, on, _number(request.GET.get("hour", "")), now)
    context = {
        "stream": stream,
        "look": presentation.stream_badge(stream),
        "shown": view,
        "is_today": on == today,
        "address": presentation.plain_address(stream.current_url) if stream.current_url else "",
        "alarms": page.shown_alarms(list(selectors.open_alarms(stream)), request.user),
        "may_change": services.may_change(stream, request.user),
        "may_delete": request.user.has_perm(Action.DELETE),
        "may_report": request.user.has_perm(Action.REPORT),
    }
    return render(request, "portal/streams/day.html", context)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def stream_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change the addresses, the audio kept and the alarms of a stream."""
    stream = _own_stream(request, uid)
    form = StreamSettingsForm(request.POST or None, instance=_stream(uid))
    if request.method == "POST" and form.is_valid():
        confirm_outbound(request, form, "alarm_emails", "alarm_url")
        try:
            services.change_stream(stream=stream, user=request.user, **form.cleaned_data)
        except StreamRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The stream was saved."))
            return redirect("portal:stream_day", uid=uid)
    return render(
        request,
        "portal/streams/edit.html",
        {"stream": stream, "form": form},
        status=422 if form.errors else 200,
    )


@require_POST
@needs(Action.UPLOAD)
def stream_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Pause, resume or restart a stream."""
    stream = _own_stream(request, uid)
    verb = request.POST.get("verb", "")
    if verb not in _VERBS:
        messages.error(request, _("Choose what to do."))
        return redirect("portal:stream_day", uid=uid)
    act, message = _VERBS[verb]
    try:
        act(stream=stream, user=request.user)
    except StreamRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, str(message) % {"stream": stream})
    return redirect("portal:stream_day", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.DELETE)
def stream_delete(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Delete a stream after a confirmation; its plays, gaps and files stay."""
    stream = _stream(uid)
    if request.method == "POST":
        try:
            services.delete_stream(stream=stream, user=request.user)
        except StreamRefused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(
                request,
                _("No longer listening to %(stream)s; its plays stay.") % {"stream": stream},
            )
        return redirect("portal:streams")
    return ask_first(
        request,
        title=_("Delete the stream %(stream)s") % {"stream": stream},
        text=_(
            "Listening stops and the last hours of audio are deleted. Its plays and gaps "
            "stay, and its files with their matches."
        ),
        submit=_("Delete the stream"),
        crumbs=[
            (_("Streams"), reverse("portal:streams")),
            (stream, reverse("portal:stream_day", args=[stream.uid])),
        ],
    )


def _logged(request: PortalRequest) -> tuple[LogFilterForm, QuerySet[Airplay]]:
    """Return the filters in the query string and the plays that fit them."""
    filters = LogFilterForm(request.GET)
    return filters, log.filtered_log(filters)


def _stream(uid: str) -> Stream:
    return get_object_or_404(selectors.list_streams(), uid=uid)


def _own_stream(request: PortalRequest, uid: str) -> Stream:
    stream = _stream(uid)
    if not services.may_change(stream, request.user):
        raise PermissionDenied(_("Only the person who added a stream or a manager may change it."))
    return stream


def _day(text: str, today: date) -> date:
    """Return the day in an address; today for anything else and for the future."""
    try:
        on = date.fromisoformat(text)
    except ValueError:
        return today
    return on if date(2000, 1, 1) <= on <= today else today


def _number(text: str) -> int | None:
    """Return the number of an hour in an address; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else None
