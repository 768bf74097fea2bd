"""The job that follows a station whose territory or clock was changed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from base.jobs.choices import Priority
from base.jobs.kinds import Kind, register
from plugins.monitoring.streams.models import Station

FOLLOW_STATION = register(
    Kind(
        "follow_station",
        Station,
        "plugins.monitoring.broadcasts.following.run",
        label=_("Uses at another place or day"),
        priority=Priority.AFTERWARDS,
        gives_way=True,
        hand_back_after=0.0,
    )
)
