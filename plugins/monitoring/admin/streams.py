"""Admin screens of stations and streams; the portal's pages change them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from plugins.monitoring.pages.streams.lists import STATIONS
from plugins.monitoring.streams.models import (
    Airplay,
    ClockAnchor,
    Station,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamHour,
    StreamNotice,
    StreamRun,
    StreamTitle,
)
from web.portal.admin.base import ReadOnlyInline, RoleAdmin, all_field_names
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.admin.history import own_cases
from web.portal.admin.own_pages import own_pages


@admin.register(Station)
class StationAdmin(RoleAdmin[Station]):
    """Stations; their page in the portal changes them."""

    list_display = [*STATIONS.admin_columns, "custom_id"]
    list_filter = ["type", "commercial_model"]
    search_fields = ["name", "=uid", "=custom_id", "call_sign"]
    # Its page shows the banned recordings within the user's access limits.
    readonly_fields = all_field_names(Station, but=["id"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Station]:
        """Add the figures of the list."""
        return STATIONS.whole()


@admin.register(Stream)
class StreamAdmin(RoleAdmin[Stream]):
    """Streams; their page in the portal pauses and changes them."""

    list_display = ["name", "station", "container", "state", "enabled", "heard_until"]
    list_filter = [*("state", "enabled"), ("station", PickFilter), ("container", PickFilter)]
    search_fields = ["name", "=uid", "station__name"]
    # Addresses may hold keys; only people who may change the stream see them.
    readonly_fields = all_field_names(
        Stream, but=["id", "urls", "current_url", "alarm_url", "alarm_emails"]
    )


class AnchorInline(ReadOnlyInline):
    """Wall times of a run."""

    model = ClockAnchor
    readonly_fields = ("run_ms", "at")


@admin.register(StreamRun)
class StreamRunAdmin(RoleAdmin[StreamRun]):
    """Samples without a break."""

    list_display = ["stream", "starts_at", "ends_at", "duration_ms", "codec"]
    list_filter = [("stream", PickFilter), "start_cause", "end_cause", ("starts_at", DaysFilter)]
    ordering = ["-starts_at", "-id"]
    search_fields = ["=uid", "stream__name"]
    readonly_fields = all_field_names(StreamRun, but=["id"])
    inlines = [AnchorInline]


@admin.register(StreamHour)
class StreamHourAdmin(RoleAdmin[StreamHour]):
    """Windows that are scanned as files."""

    list_display = ["stream", "starts_at", "ends_at", "scanned_file"]
    list_filter = [("stream", PickFilter), ("starts_at", DaysFilter)]
    ordering = ["-starts_at", "-id"]
    search_fields = ["stream__name"]
    readonly_fields = all_field_names(StreamHour, but=["id"])


@admin.register(StreamGap)
class StreamGapAdmin(RoleAdmin[StreamGap]):
    """Times that were not searched."""

    list_display = ["stream", "starts_at", "ends_at", "cause", "is_exact"]
    list_filter = [("stream", PickFilter), "cause", "is_exact", ("starts_at", DaysFilter)]
    ordering = ["-starts_at", "-id"]
    search_fields = ["stream__name"]
    readonly_fields = all_field_names(StreamGap, but=["id"])


@admin.register(StreamTitle)
class StreamTitleAdmin(RoleAdmin[StreamTitle]):
    """Titles that servers sent."""

    list_display = ["stream", "at", "text"]
    list_filter = [("stream", PickFilter), ("at", DaysFilter)]
    ordering = ["-at", "-id"]
    search_fields = ["text", "stream__name"]
    readonly_fields = all_field_names(StreamTitle, but=["id"])


@admin.register(Airplay)
class AirplayAdmin(RoleAdmin[Airplay]):
    """Plays as they were heard live."""

    list_display = ["stream", "recording", "starts_at", "ends_at", "state", "score"]
    list_filter = [("stream", PickFilter), "state", ("starts_at", DaysFilter)]
    ordering = ["-starts_at", "-id"]
    search_fields = ["=uid", "recording__title", "stream__name"]
    readonly_fields = all_field_names(Airplay, but=["id", "segment"])


@admin.register(StreamAlarm)
class StreamAlarmAdmin(RoleAdmin[StreamAlarm]):
    """Incidents of streams."""

    list_display = ["stream", "kind", "began_at", "ended_at", "told_at"]
    list_filter = [("stream", PickFilter), "kind", ("began_at", DaysFilter)]
    search_fields = ["stream__name"]
    # The play may name a recording that the person may not see.
    readonly_fields = all_field_names(StreamAlarm, but=["id", "airplay"])


@admin.register(StreamNotice)
class StreamNoticeAdmin(RoleAdmin[StreamNotice]):
    """Events and alarms on their way to webhooks and people."""

    list_display = ["stream", "event", "status", "created_at", "message"]
    list_filter = [("stream", PickFilter), "status", "event"]
    ordering = ["-created_at", "-id"]
    search_fields = ["=uid", "stream__name"]
    # The body may name a recording that the person may not see.
    readonly_fields = ("uid", "stream", "event", "status", "message", "created_at")


own_cases.register({"station": ("station", "uid"), "stream": ("stream", "uid")})

own_pages.register({"station": ("station", "uid"), "stream": ("stream_day", "uid")})
