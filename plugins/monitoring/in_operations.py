"""Metrics of streams, and checks that every second of a stream is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from django.db.models import Max, Min
from prometheus_client.core import Metric

from operations.findings import DoctorFinding
from operations.gauges import by_state, gauge
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.models import Stream, StreamAlarm, StreamHour, StreamRun
from plugins.monitoring.streams.sink import add_gap
from scanning.choices import SourceType
from scanning.models import ScannedFile


def stream_metrics() -> Iterator[Metric]:
    """Yield how many streams there are, by state, and how many alarms go on."""
    yield by_state("streams", "Live streams", Stream, "state")
    alarms = StreamAlarm.objects.filter(ended_at=None)
    yield gauge("stream_alarms", "Alarms of streams that go on", alarms.count())


def stream_findings() -> Iterator[DoctorFinding]:
    """Find seconds of settled hours in no run and no gap, and hours without their files.

    What came after the last hour is accounted for when the next one is made.
    """
    for stream in Stream.objects.select_related("station").order_by("pk"):
        first: datetime | None = StreamRun.objects.filter(stream=stream).aggregate(
            first=Min("starts_at")
        )["first"]
        last: datetime | None = StreamHour.objects.filter(stream=stream).aggregate(
            last=Max("ends_at")
        )["last"]
        if first is None or last is None:
            continue
        for start, end in selectors.missing(stream, first, last):
            yield DoctorFinding(
                "streams",
                f"{stream}: {start:%Y-%m-%d %H:%M:%S}–{end:%H:%M:%S} UTC was not "
                "searched and is not listed as a gap",
                "--fix lists it as a gap.",
                partial(
                    add_gap,
                    stream=stream,
                    start=start,
                    end=end,
                    cause=GapCause.RECORDER,
                    is_exact=False,
                ),
            )
    for hour in StreamHour.objects.filter(scanned_file=None).exclude(pieces=[]):
        yield DoctorFinding(
            "streams",
            f"the hour {hour} was heard but has no file",
            "Restore the database from a backup (docs/operations.md).",
        )
    alone = ScannedFile.objects.present().filter(source_type=SourceType.STREAM, stream_hour=None)
    for file in alone.order_by("pk"):
        yield DoctorFinding(
            "streams",
            f"{file} is a file of a stream, but no hour refers to it",
            "Delete the file; another file covers its time.",
        )
