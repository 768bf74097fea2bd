"""What is broken and fed to the readers of streams and tables of broadcasts."""

from __future__ import annotations

import time
from typing import Final

from django.core.files.base import File

from base.accounts.models import User
from benchmarks.hostile import servers, tables
from imports import services
from imports.models import Import
from plugins.monitoring.broadcasts.importing.kind import BROADCASTS
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.recording.arrivals import Closed
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.connection import Connection
from plugins.monitoring.streams.recording.hls import HlsPlace
from plugins.monitoring.streams.recording.pace import Pace

# An endless stream is left after so much.
_ARRIVALS: Final = 40
_LISTENED_S: Final = 3.0
# The time of the recorder passes so much faster than that of the machine.
_RATE: Final = 200.0
_STATIONS: Final = (
    b"station,starts_at,ends_at,file,title\nR1,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,a.wav,T\n"
)


def _recorded(url: str) -> tuple[str, str]:
    """Connect as the recorder does; return how it ended, or the recorder's fault."""
    clock = Clock(rate=_RATE)
    connection = Connection(url, clock, HlsPlace(), Pace(clock))
    connection.start()
    remaining, until = _ARRIVALS, time.monotonic() + _LISTENED_S
    try:
        while remaining > 0 and time.monotonic() < until:
            for arrival in connection.arrived():
                remaining -= 1
                if isinstance(arrival, Closed):
                    fault = arrival.cause == GapCause.RECORDER
                    return "recorder: refused", arrival.reason if fault else ""
    finally:
        connection.halt()
    return "recorder: goes on", ""


def _samples(user: User) -> list[tables.Sample]:
    def send(file: File[bytes]) -> Import:
        return services.keep_upload(BROADCASTS, file=file, encoding="utf-8", user=user)

    return [tables.Sample("broadcasts.csv", _STATIONS, send)]


servers.MORE["recorder"] = _recorded
tables.MORE["monitoring"] = _samples
