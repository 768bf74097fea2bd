"""Record one stream until told to stop."""

from __future__ import annotations

import threading

from streams.choices import GapCause
from streams.recording.clocks import Clock
from streams.recording.events import Sink, StreamPlan


class StreamRecorder:
    """Listens to one stream and tells a sink what happens.

    Addresses pass the guard of ``common.http``. Events arrive at least once: after a
    kill, ``RunStarted`` and ``RunEnded`` of a run, or a gap with the same start, may be
    repeated. ``RunEnded.duration_ms`` may be less than ``RunGrew`` said, where sound
    turned out to be missing; the rest belongs to the next run. Gaps of silence lie
    within runs, all others between them. ``absence`` is the cause of the gap between
    the recorder's last end and its start.
    """

    def __init__(
        self,
        plan: StreamPlan,
        sink: Sink,
        *,
        clock: Clock | None = None,
        absence: str = GapCause.RECORDER,
    ) -> None:
        raise NotImplementedError

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop`` is set: reconnect with pauses, go on from the ring.

        An exception of the sink ends it; a later ``run`` goes on where it ended.
        """
        raise NotImplementedError
