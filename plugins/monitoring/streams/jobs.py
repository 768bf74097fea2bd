"""The jobs of live streams."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs import resources
from base.jobs.choices import JobState, Pool
from base.jobs.kinds import Kind, register, without_limit
from base.jobs.periodic import periodic
from plugins.monitoring.streams.choices import StreamState
from plugins.monitoring.streams.models import Stream, StreamNotice
from scanning.choices import DeliveryStatus
from scanning.jobs import MAX_ATTEMPTS, RETRY_AFTER

# One open job for each stream that listens; whoever has it records the stream.
RECORD = register(
    Kind(
        "stream",
        Stream,
        "plugins.monitoring.streams.recorders.run",
        needs=frozenset({resources.OUTSIDE}),
        label=_("Recording of a stream"),
        pool=Pool.STREAM,
        max_attempts=without_limit,
        pause=lambda attempts: timedelta(seconds=min(60, 2**attempts)),
        hand_back_after=0.0,
        mirror={
            JobState.WAITING: StreamState.WAITING,
            JobState.DONE: StreamState.PAUSED,
            JobState.CANCELLED: StreamState.PAUSED,
        },
        status_field="state",
        cause_field="cause",
    )
)
NOTICE = register(
    Kind(
        "stream_notice",
        StreamNotice,
        "plugins.monitoring.streams.notices.run",
        needs=frozenset({resources.OUTSIDE}),
        label=_("Notice of a stream"),
        pool=Pool.TALK,
        # A receiver that hangs holds one thread.
        lane=lambda notice: str(notice.stream_id),
        lane_limit=lambda: 1,
        max_attempts=lambda: MAX_ATTEMPTS,
        pause=lambda attempts: RETRY_AFTER[attempts - 1],
        mirror={
            JobState.WAITING: DeliveryStatus.WAITING,
            JobState.DONE: DeliveryStatus.DELIVERED,
            JobState.FAILED: DeliveryStatus.FAILED,
        },
        cause_field="message",
        title=lambda notice: str(notice.stream),
        related=("stream",),
    )
)

periodic(
    "stream_watch",
    "plugins.monitoring.streams.alarms.watch",
    # Nobody listens, so that every stream would seem to be silent.
    needs=frozenset({resources.OUTSIDE}),
    every=timedelta(seconds=20),
    label=_("Watch over streams and their alarms"),
)
