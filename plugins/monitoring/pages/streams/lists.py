"""The lists of stations and of alarms."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.territories import read_territories
from plugins.monitoring.pages.streams.page import ShownAlarm, shown_alarms
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.models import Station, Stream, StreamAlarm
from web.portal.shared import declared
from web.portal.shared.access import PortalRequest
from web.portal.shared.declared import Column, DeclaredList, Empty, Link
from web.portal.shared.icons import badge
from web.portal.shared.times import when

_ADD: Final = Link(_("Add a station"), "portal:station_add", Action.EDIT_CATALOGUE)
_CRUMBS: Final = [(_("Streams"), "portal:streams")]
_TABS: Final = "portal/streams/_tabs.html"
_STYLES: Final = ["css/streams.css"]


def _open_alarms(_request: PortalRequest) -> dict[str, object]:
    return {"open_alarms": selectors.open_alarms().count()}


def _place(station: Station) -> str:
    if not station.territory:
        return station.place
    return f"{station.place} ({read_territories([station.territory])})".strip()


STATIONS: Final = DeclaredList(
    model=Station,
    title=_("Stations"),
    crumbs=_CRUMBS,
    lead=_("A station has a place, a time zone, and streams that carry it."),
    links=[_ADD],
    above=[_TABS],
    styles=_STYLES,
    context=_open_alarms,
    rows=lambda _values: selectors.list_stations().annotate(
        stream_count=Count("streams", filter=Q(streams__in=Stream.objects.present().values("pk")))
    ),
    columns=[
        Column(_("Name"), "name", "title"),
        Column(_("Type"), "get_type_display"),
        Column(_("Place"), _place),
        Column(_("Time zone"), "time_zone"),
        Column(_("Streams"), "stream_count", "num"),
    ],
    link=declared.page_of_row("portal:station"),
    empty=Empty(
        _("There is no station yet"),
        _("Add a station here, or together with its first stream."),
        "streams",
        _ADD,
    ),
)


def _kind(row: ShownAlarm) -> object:
    return badge(row.alarm.get_kind_display(), "bell", "outline" if row.alarm.ended_at else "error")


def _recording(row: ShownAlarm) -> object:
    if row.recording is None:
        return ""
    href = reverse("portal:recording_detail", args=[row.recording.uid])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', href, row.recording.full_title)


def _end(row: ShownAlarm) -> object:
    if row.alarm.ended_at:
        return when(row.alarm.ended_at)
    return format_html("<strong>{}</strong>", gettext("ongoing"))


ALARMS: Final = DeclaredList(
    model=StreamAlarm,
    title=_("Stream alarms"),
    crumbs=_CRUMBS,
    lead=_(
        "One line for each incident. A stream's settings say after how many minutes an alarm "
        "begins and who is notified."
    ),
    above=[_TABS],
    styles=_STYLES,
    context=_open_alarms,
    rows=lambda _values: selectors.alarms().filter(stream__deleted_at__isnull=True),
    load=shown_alarms,
    columns=[
        Column(_("Alarm"), _kind, "badge"),
        Column(_("Stream"), "alarm.stream.name", "title", below="alarm.stream.station.name"),
        Column(_("Recording"), _recording),
        Column(_("Began"), "alarm.began_at", "quiet"),
        Column(_("Ended"), _end, "nowrap"),
        Column(_("Notified"), "alarm.told_at", "quiet"),
        Column(_("Settings"), look="acts", template="portal/streams/_alarm_settings.html"),
    ],
    link=declared.page_of_row("portal:stream_day", "alarm.stream.uid"),
    empty=Empty(
        _("No alarms yet"),
        _("Streams that are silent or away, or play what they must not, appear here."),
        "bell",
    ),
)
