"""Which times of which runs lie where in the file of an hour.

A file's times are those of its runs: linear within a piece, at the wall clock's places
between pieces. Consecutive hours cut a run at the same sample, whatever the clock has
learnt meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from plugins.monitoring.streams.clock import AnchoredClock, clock_of
from plugins.monitoring.streams.models import StreamHour, StreamRun
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from recognition.fingerprints.joined import GRID_MS, join, on_grid
from recognition.types import Fingerprint

_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class HourPiece:
    """The times ``start_ms`` to ``end_ms`` of a run, at ``at_ms`` of a file."""

    run: str
    start_ms: int
    end_ms: int
    at_ms: int

    @property
    def length_ms(self) -> int:
        """How much sound it holds."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class PieceCut:
    """Where a run is cut, by a window that begins or ends within it."""

    run: str
    ms: int


@dataclass(frozen=True, slots=True)
class HeardRun:
    """A run with its clock and how much of it has landmarks."""

    run: StreamRun
    clock: AnchoredClock
    until_ms: int


def heard_runs(runs: Iterable[StreamRun], folder: Path) -> list[HeardRun]:
    """Return runs with what this machine has of their landmarks."""
    return [
        HeardRun(run, clock_of(run), _known_ms(run, LandmarkLog(folder, run.uid))) for run in runs
    ]


def _known_ms(run: StreamRun, log: LandmarkLog) -> int:
    if run.ends_at is None:
        return log.duration_ms
    # Sound that turned out to be missing belongs to the next run.
    return min(log.duration_ms, run.duration_ms)


def lay_out(
    heard: Sequence[HeardRun],
    start: datetime,
    end: datetime,
    *,
    begins: PieceCut | None = None,
    ends: PieceCut | None = None,
) -> list[HourPiece]:
    """Return the pieces of a window of wall time, in order.

    A run in which the window before ended begins at that cut, and one in which the next
    window begins ends there.
    """
    pieces: list[HourPiece] = []
    length = (end - start) / _MS
    for heard_run in heard:
        uid, clock = heard_run.run.uid, heard_run.clock
        is_begun = begins is not None and begins.run == uid
        is_ended = ends is not None and ends.run == uid
        first = begins.ms if begins and is_begun else on_grid(max(0, clock.ms(start)))
        last = ends.ms if ends and is_ended else min(heard_run.until_ms, on_grid(clock.ms(end)))
        first = -(-first // GRID_MS) * GRID_MS
        if last - first < GRID_MS:
            continue
        at = on_grid((clock.at(first) - start) / _MS)
        if is_ended:
            at = on_grid(length) - on_grid(last - first)
        if is_begun:
            at = 0
        taken = pieces[-1].at_ms + pieces[-1].length_ms if pieces else 0
        pieces.append(HourPiece(uid, first, last, max(at, -(-taken // GRID_MS) * GRID_MS)))
    return pieces


def landmarks_of(pieces: Sequence[HourPiece], duration_ms: int, folder: Path) -> Fingerprint:
    """Return the fingerprint of pieces whose landmarks this machine has."""
    read = [
        (LandmarkLog(folder, piece.run).read(piece.start_ms, piece.end_ms), piece.at_ms)
        for piece in pieces
    ]
    return join(read, duration_ms)


@dataclass(frozen=True, slots=True)
class FileClock:
    """Turns times of an hour's file into times of its runs, and into wall time."""

    pieces: tuple[HourPiece, ...]
    clocks: Mapping[str, AnchoredClock]
    runs: Mapping[str, StreamRun]

    def run_at(self, file_ms: float) -> tuple[StreamRun, int]:
        """Return the run of a time of the file, and the time of that run.

        Between pieces, and beyond the file, the run before goes on.
        """
        chosen = self.pieces[0]
        for piece in self.pieces:
            if piece.at_ms <= file_ms:
                chosen = piece
        ms = chosen.start_ms + round(file_ms) - chosen.at_ms
        return self.runs[chosen.run], ms

    def at(self, file_ms: float) -> datetime:
        """Return the wall time of a time of the file."""
        run, ms = self.run_at(file_ms)
        return self.clocks[run.uid].at(ms)

    def file_ms(self, at: datetime) -> int:
        """Return the time of the file, in ms, at a wall time within it."""
        chosen = self.pieces[0]
        for piece in self.pieces:
            if self.clocks[piece.run].at(piece.start_ms) <= at:
                chosen = piece
        return chosen.at_ms + self.clocks[chosen.run].ms(at) - chosen.start_ms


def file_clock(hour: StreamHour) -> FileClock:
    """Return the clock of an hour that has sound."""
    pieces = pieces_of(hour)
    rows = StreamRun.objects.filter(uid__in={piece.run for piece in pieces})
    runs = {run.uid: run for run in rows}
    return FileClock(
        tuple(piece for piece in pieces if piece.run in runs),
        {uid: clock_of(run) for uid, run in runs.items()},
        runs,
    )


def pieces_of(hour: StreamHour) -> tuple[HourPiece, ...]:
    """Return the pieces of an hour as they were laid out."""
    return tuple(HourPiece(**entry) for entry in hour.pieces)


def as_json(pieces: Sequence[HourPiece]) -> list[dict[str, object]]:
    """Return pieces as an hour stores them."""
    return [asdict(piece) for piece in pieces]
