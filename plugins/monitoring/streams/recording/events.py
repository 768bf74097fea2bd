"""What a recorder reports while it listens to one stream.

All times of the wall clock are aware datetimes in UTC; ``run_ms`` counts milliseconds
from the first sample of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first sample of a run: no sample is missing until it ends."""

    run: str
    at: datetime
    codec: str
    sample_rate: int
    channels: int
    byte_offset: int
    cause: str
    """A value of ``plugins.monitoring.streams.choices.RunEdge``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """No later sample belongs to the run."""

    run: str
    at: datetime
    duration_ms: int
    cause: str
    """A value of ``plugins.monitoring.streams.choices.RunEdge``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGrew:
    """Landmarks up to ``duration_ms`` stand in the run's log; about once a second."""

    run: str
    duration_ms: int
    at: datetime
    """Wall time of the run's end, as far as it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """The wall time of one sample; a later anchor of the same ``run_ms`` replaces it."""

    run: str
    run_ms: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time that was not searched."""

    start: datetime
    end: datetime
    cause: str
    """A value of ``plugins.monitoring.streams.choices.GapCause``."""
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Titled:
    """A title that the server sent."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged:
    """What the recorder does now, and why, in words for people."""

    state: str
    """A value of ``plugins.monitoring.streams.choices.StreamState``."""
    at: datetime
    url: str
    cause: str = ""


StreamEvent = RunStarted | RunEnded | RunGrew | Anchored | Gap | Titled | StateChanged


class Sink(Protocol):
    """Takes the events of one stream, in their order, from one thread at a time."""

    def take(self, event: StreamEvent) -> None:
        """Store the event; an exception stops the recorder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What to record and where to keep it."""

    uid: str
    urls: tuple[str, ...]
    folder: Path
    """Holds the ring of bytes and the landmarks of each run; survives a restart."""
    keep_hours: float
    title_charset: str = ""
    """The encoding of titles; "" to guess it."""
