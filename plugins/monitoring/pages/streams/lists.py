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
from plugins.monitoring.pages.streams.page import shown_alarms
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.models import Station, Stream, StreamAlarm
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty, Link
from web.portal.shared.icons import badge

_ADD: Final = Link(_("Add a station"), "portal:station_add", Action.EDIT_CATALOGUE)
_CRUMBS: Final = [(_("Streams"), "portal:streams")]
_TABS: Final = "portal/streams/_tabs.html"
_STYLES: Final = ["css/streams.css"]


STATIONS: Final = DeclaredList(
    model=Station,
    title=_("Stations"),
    crumbs=_CRUMBS,
    lead=_("A station has a place, a time zone, and streams that carry it."),
    links=[_ADD],
    above=[_TABS],
    styles=_STYLES,
    context=lambda _request: {"open_alarms": selectors.open_alarms().count()},
    rows=lambda _values: selectors.list_stations().annotate(
        stream_count=Count("streams", filter=Q(streams__in=Stream.objects.present().values("pk")))
    ),
    columns=[
        Column(_("Name"), "name", "title"),
        Column(_("Type"), "get_type_display"),
        Column(
            _("Place"), "place", below=lambda row: read_territories(filter(None, [row.territory]))
        ),
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
    context=lambda _request: {"open_alarms": selectors.open_alarms().count()},
    rows=lambda _values: selectors.alarms().filter(stream__deleted_at__isnull=True),
    load=shown_alarms,
    columns=[
        Column(
            _("Alarm"),
            lambda row: badge(
                row.alarm.get_kind_display(), "bell", "outline" if row.alarm.ended_at else "error"
            ),
            "badge",
        ),
        Column(_("Stream"), "alarm.stream.name", "title", below="alarm.stream.station.name"),
        Column(
            _("Recording"),
            lambda row: (
                row.recording
                and declared.linked(
                    row.recording.full_title,
                    reverse("portal:recording_detail", args=[row.recording.uid]),
                )
            ),
        ),
        Column(_("Began"), "alarm.began_at", "quiet"),
        Column(
            _("Ended"),
            lambda row: (
                row.alarm.ended_at or format_html("<strong>{}</strong>", gettext("ongoing"))
            ),
            "nowrap",
        ),
        Column(_("Notified"), "alarm.told_at", "quiet"),
        Column(
            _("Settings"),
            look="acts",
            template="portal/streams/_alarm_settings.html",
            action=Action.UPLOAD,
        ),
    ],
    link=declared.page_of_row("portal:stream_day", "alarm.stream.uid"),
    empty=Empty(
        _("No alarms yet"),
        _("Streams that are silent or away, or play what they must not, appear here."),
        "bell",
    ),
)
