"""Admin screens of broadcasts and figures of stations.

The portal's pages change them, so that each change is an event.
"""

from __future__ import annotations

from base.accounts.roles import Action
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from web.portal.admin.audit import guarded_cases
from web.portal.admin.base import register_records
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.admin.history import own_cases

# Broadcasts of files.
register_records(
    Broadcast,
    list_display=["scanned_file", "station", "starts_at", "time_zone", "showing"],
    list_filter=[("station", PickFilter), "showing", ("starts_at", DaysFilter)],
    ordering=["-starts_at", "-id"],
    search_fields=["=uid", "scanned_file__name", "station__name"],
)


# How many people heard stations and broadcasts.
register_records(
    Audience,
    list_display=["station", "month", "hour", "listeners", "performances", "tuning_hours"],
    list_filter=[("station", PickFilter)],
    ordering=["-month", "station__name", "id"],
    search_fields=["station__name"],
    # The broadcast may be of a file that the person may not see.
    hidden=["broadcast"],
)


# What stations earned; for managers.
register_records(
    Revenue,
    view_action=Action.EDIT_CATALOGUE,
    list_display=["station", "month", "rights_type", "net_revenue", "currency"],
    list_filter=[("station", PickFilter), "rights_type"],
    ordering=["-month", "station__name", "id"],
    search_fields=["station__name"],
)


own_cases.register(
    {
        "audience": ("station", "station.uid"),
        "broadcast": ("file", "scanned_file.uid"),
        "revenue": ("revenue", "station.uid"),
    }
)

# Only managers see what stations earn.
guarded_cases.register(("revenue:", Action.APPROVE))
