"""Admin screens of stations and streams; the portal's pages change them."""

from __future__ import annotations

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
from web.portal.admin.base import ReadOnlyInline, register_records
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.admin.history import own_cases
from web.portal.admin.own_pages import own_pages

# Stations; their page in the portal changes them.
register_records(
    Station,
    rows=lambda: STATIONS.select_for({}),
    list_display=[*STATIONS.admin_columns, "custom_id"],
    list_filter=["type", "commercial_model"],
    search_fields=["name", "=uid", "=custom_id", "call_sign"],
    # Its page shows the banned recordings within the user's access limits.
)


# Streams; their page in the portal pauses and changes them.
register_records(
    Stream,
    list_display=["name", "station", "container", "state", "enabled", "heard_until"],
    list_filter=[*("state", "enabled"), ("station", PickFilter), ("container", PickFilter)],
    search_fields=["name", "=uid", "station__name"],
    # Addresses may hold keys; only people who may change the stream see them.
    hidden=["urls", "current_url", "alarm_url", "alarm_emails"],
)


class AnchorInline(ReadOnlyInline):
    """Wall times of a run."""

    model = ClockAnchor
    readonly_fields = ("run_ms", "at")


# Samples without a break.
register_records(
    StreamRun,
    list_display=["stream", "starts_at", "ends_at", "duration_ms", "codec"],
    list_filter=[("stream", PickFilter), "start_cause", "end_cause", ("starts_at", DaysFilter)],
    ordering=["-starts_at", "-id"],
    search_fields=["=uid", "stream__name"],
    inlines=[AnchorInline],
)


# Windows that are scanned as files.
register_records(
    StreamHour,
    list_display=["stream", "starts_at", "ends_at", "scanned_file"],
    list_filter=[("stream", PickFilter), ("starts_at", DaysFilter)],
    ordering=["-starts_at", "-id"],
    search_fields=["stream__name"],
)


# Times that were not searched.
register_records(
    StreamGap,
    list_display=["stream", "starts_at", "ends_at", "cause", "is_exact"],
    list_filter=[("stream", PickFilter), "cause", "is_exact", ("starts_at", DaysFilter)],
    ordering=["-starts_at", "-id"],
    search_fields=["stream__name"],
)


# Titles that servers sent.
register_records(
    StreamTitle,
    list_display=["stream", "at", "text"],
    list_filter=[("stream", PickFilter), ("at", DaysFilter)],
    ordering=["-at", "-id"],
    search_fields=["text", "stream__name"],
)


# Plays as they were heard live.
register_records(
    Airplay,
    list_display=["stream", "recording", "starts_at", "ends_at", "state", "score"],
    list_filter=[("stream", PickFilter), "state", ("starts_at", DaysFilter)],
    ordering=["-starts_at", "-id"],
    search_fields=["=uid", "recording__title", "stream__name"],
    hidden=["segment"],
)


# Incidents of streams.
register_records(
    StreamAlarm,
    list_display=["stream", "kind", "began_at", "ended_at", "told_at"],
    list_filter=[("stream", PickFilter), "kind", ("began_at", DaysFilter)],
    search_fields=["stream__name"],
    # The play may name a recording that the person may not see.
    hidden=["airplay"],
)


# Events and alarms on their way to webhooks and people.
register_records(
    StreamNotice,
    list_display=["stream", "event", "status", "created_at", "message"],
    list_filter=[("stream", PickFilter), "status", "event"],
    ordering=["-created_at", "-id"],
    search_fields=["=uid", "stream__name"],
    # The body may name a recording that the person may not see.
    readonly_fields=("uid", "stream", "event", "status", "message", "created_at"),
)


own_cases.register({"station": ("station", "uid"), "stream": ("stream", "uid")})

own_pages.register({"station": ("station", "uid"), "stream": ("stream_day", "uid")})
