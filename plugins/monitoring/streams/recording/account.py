"""Account for every second of a stream: in a run, or in a gap."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

from plugins.monitoring.streams.choices import GapCause, RunEdge
from plugins.monitoring.streams.recording.events import Gap, RunEnded, RunStarted, Sink, StreamEvent
from plugins.monitoring.streams.recording.ring import utc
from plugins.monitoring.streams.recording.run_files import load_state, save_state

# Shorter ones are the inaccuracy of two clocks.
LEAST_GAP_S: Final = 0.02
# A long absence is reported in parts, so that it shows while it lasts. The last minute
# stays open: a burst may still bring it.
PART_S: Final = 300.0
OPEN_S: Final = 60.0
# The clock of a run that has just begun may be off by a segment or two.
NEAR_S: Final = 15.0
# Where a run goes on with the next byte, its start is known better than its clock.
CLOSE_S: Final = 0.6

CAUSES: Final[dict[str, GapCause]] = {
    RunEdge.STARTED: GapCause.RECORDER,
    RunEdge.CONNECTION: GapCause.CONNECTION,
    RunEdge.STALLED: GapCause.STALLED,
    RunEdge.ENCODER: GapCause.CONNECTION,
    RunEdge.FORMAT: GapCause.NO_AUDIO,
    RunEdge.SEGMENT_LOST: GapCause.SEGMENT_LOST,
    RunEdge.RECORDER: GapCause.RECORDER,
    RunEdge.PAUSED: GapCause.PAUSED,
}


class Account:
    """Tells the sink of runs and of the gaps between them, and survives a kill.

    It is kept after the sink has taken an event, so an event may come twice.
    """

    def __init__(self, folder: Path, sink: Sink, cause: str) -> None:
        self._folder = folder
        self._sink = sink
        self.state = load_state(folder)
        self.cause = cause
        """Why the time since the last run is missing, as a ``GapCause``."""
        self.missing_s: float | None = None
        """How long it is, where the stream itself says so."""

    def tell(self, event: StreamEvent) -> None:
        """Pass an event to the sink."""
        self._sink.take(event)

    def run_started(self, event: RunStarted) -> None:
        """Tell of a run, and of the gap before it."""
        covered, missing_s = self.state.covered_until, self.missing_s
        self.missing_s = None
        at = event.at.timestamp()
        is_exact = False
        if covered is not None and missing_s is not None:
            near_s = NEAR_S if missing_s else CLOSE_S
            is_exact = abs(covered + missing_s - at) < near_s
            at = covered + missing_s if is_exact else at
            event = dataclasses.replace(event, at=utc(at))
        self._gap_until(at, is_exact=is_exact)
        self.tell(event)
        self.keep(run=event.run, zero_at=event.at.timestamp())

    def run_ended(self, event: RunEnded) -> None:
        """Tell of the end of a run."""
        self.tell(event)
        self.cause = CAUSES[event.cause]
        self.keep(run="", covered_until=event.at.timestamp())

    def away(self, now: float) -> None:
        """Tell of a long absence while it lasts."""
        covered = self.state.covered_until
        if covered is not None and now - covered > PART_S + OPEN_S:
            self._gap_until(now - OPEN_S)

    def keep(self, **changes: object) -> None:
        """Keep changes of the state."""
        self.state = dataclasses.replace(self.state, **changes)  # type: ignore[arg-type]
        save_state(self._folder, self.state)

    def _gap_until(self, at: float, *, is_exact: bool = False) -> None:
        covered = self.state.covered_until
        if covered is not None and at - covered > LEAST_GAP_S:
            self.tell(Gap(start=utc(covered), end=utc(at), cause=self.cause, is_exact=is_exact))
            self.keep(covered_until=at)
