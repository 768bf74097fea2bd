"""A station whose recorder reports what a real one does, and keeps the same landmarks.

Sound arrives as fast as a test wants; the clock of the wall is the test's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from base.accounts.models import User
from catalogue.models import Recording
from catalogue.services import add_recording, create_bucket
from plugins.monitoring.streams import recorders, services, settling
from plugins.monitoring.streams.choices import GapCause, RunEdge, StreamState
from plugins.monitoring.streams.live import LiveSearch
from plugins.monitoring.streams.models import Airplay, Stream, StreamHour
from plugins.monitoring.streams.recording.events import (
    Anchored,
    Gap,
    RunEnded,
    RunGrew,
    RunStarted,
    StateChanged,
)
from plugins.monitoring.streams.sink import DatabaseSink
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.builder import extract
from recognition.fingerprints.joined import GRID_MS, on_grid
from recognition.types import Fingerprint, Landmarks, LevelMap
from scanning.models import Container
from tests.recognition.synthesis import join, music

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR: Final = timedelta(minutes=2)
"""Hours are this short, so that a test hears several."""
SONG_S: Final = 25


@cache
def programme(*parts: tuple[int, float]) -> Fingerprint:
    """Return the fingerprint of tunes in sequence: seed and seconds of each; 0 is silence."""
    return extract(
        join(
            *(
                music(seed, seconds) if seed else np.zeros(int(seconds * 8000), dtype=np.float32)
                for seed, seconds in parts
            )
        )
    )


@cache
def song(seed: int) -> Fingerprint:
    return extract(music(seed, SONG_S))


class Radio:
    """A station, its stream, and the recordings 1 to ``songs`` in the catalogue."""

    def __init__(self, user: User, *, songs: int = 4) -> None:
        bucket = create_bucket(name="Played on air", user=user)
        self.songs: list[Recording] = [
            add_recording(
                bucket=bucket,
                details=Recording(title=f"Song {seed}"),
                fingerprint=song(seed),
                user=user,
            )
            for seed in range(1, songs + 1)
        ]
        self.user = user
        self.container = Container.objects.create(name="Radio")
        self.container.buckets.add(bucket)
        self.station = services.add_station(name="Radio One", time_zone="Europe/Berlin", user=user)
        self.stream: Stream = services.add_stream(
            station=self.station,
            container=self.container,
            name="Radio One, 128 kbit/s",
            urls=["http://radio.example/live"],
            user=user,
        )
        self.folder = recorders.folder_of(self.stream)
        self.folder.mkdir(parents=True)
        self.sink = DatabaseSink(self.stream)
        self.search = LiveSearch()

    def run(
        self,
        name: str,
        heard: Fingerprint,
        *,
        at: datetime = NOON,
        ends: bool = True,
        until_ms: int | None = None,
        clock_ppm: float = 0,
    ) -> datetime:
        """Let a run be heard from ``at``; return where it ends."""
        keep(self.folder, name, heard, until_ms)
        length_ms = heard.duration_ms if until_ms is None else until_ms
        self.sink.take(started(name, at))
        for ms in range(0, length_ms, 60_000):
            wall = at + timedelta(milliseconds=ms * (1 + clock_ppm / 1e6))
            self.sink.take(Anchored(run=name, run_ms=ms, at=wall))
        end = at + timedelta(milliseconds=length_ms * (1 + clock_ppm / 1e6))
        self.sink.take(RunGrew(run=name, duration_ms=length_ms, at=end))
        if ends:
            self.end(name, end, length_ms)
        return end

    def end(self, name: str, at: datetime, duration_ms: int) -> None:
        self.sink.take(RunEnded(run=name, at=at, duration_ms=duration_ms, cause=RunEdge.CONNECTION))

    def gap(self, start: datetime, end: datetime, cause: GapCause = GapCause.CONNECTION) -> None:
        self.sink.take(Gap(start=start, end=end, cause=cause, is_exact=True))

    def say(self, state: StreamState, at: datetime, cause: str = "") -> None:
        url = "http://radio.example/live"
        self.sink.take(StateChanged(state=state, at=at, url=url, cause=cause))

    def live(self, name: str, heard: Fingerprint, *, at: datetime = NOON) -> None:
        """Play a run to the recorder, and search it every four seconds."""
        self.sink.take(started(name, at))
        self.sink.take(Anchored(run=name, run_ms=0, at=at))
        for ms in range(4000, heard.duration_ms + 1, 4000):
            keep(self.folder, name, heard, ms)
            self.listen()

    def listen(self) -> None:
        """Search the newest sound once."""
        self.stream.refresh_from_db()
        self.search.search([(self.stream, self.folder)])

    def settle(self, now: datetime) -> list[StreamHour]:
        self.stream.refresh_from_db()
        return settling.settle_due(self.stream, folder=self.folder, now=now, length=HOUR)

    def log(self) -> list[tuple[str, str, float, float]]:
        """Return title, state, and begin and end in seconds after noon of each play."""
        return [
            (
                play.recording.title,
                play.state,
                round((play.starts_at - NOON).total_seconds(), 2),
                round((play.ends_at - NOON).total_seconds(), 2),
            )
            for play in Airplay.objects.order_by("starts_at", "pk")
        ]


def started(name: str, at: datetime) -> RunStarted:
    return RunStarted(
        run=name,
        at=at,
        codec="mp3",
        sample_rate=44_100,
        channels=2,
        byte_offset=0,
        cause=RunEdge.STARTED,
    )


def keep(folder: Path, run: str, heard: Fingerprint, until_ms: int | None) -> None:
    """Put landmarks where ``HeardLog`` reads them."""
    if not (folder / f"{run}.acrfp").exists():
        fingerprint.save(folder / f"{run}.acrfp", heard)
    duration_ms = heard.duration_ms if until_ms is None else until_ms
    (folder / f"{run}.ms").write_text(str(duration_ms))


class HeardLog:
    """The landmarks of a run that ``keep`` put down, read as a recorder's are."""

    def __init__(self, folder: Path, run: str) -> None:
        self._heard, self._known = folder / f"{run}.acrfp", folder / f"{run}.ms"

    @property
    def duration_ms(self) -> int:
        return int(self._known.read_text()) if self._known.exists() else 0

    def read(self, start_ms: int, end_ms: int) -> Fingerprint:
        start_ms = start_ms // GRID_MS * GRID_MS
        return part_of(fingerprint.load(self._heard), start_ms, end_ms)

    def delete_before(self, ms: int) -> None:
        """Keep everything: tests are short."""


def part_of(whole: Fingerprint, start_ms: int, end_ms: int) -> Fingerprint:
    """Return an interval of a fingerprint, which begins on the grid."""
    assert whole.reference is not None
    assert whole.dense is not None
    assert whole.level_map is not None
    first, last = on_grid(start_ms) // 16, end_ms // 16
    rows = whole.level_map.levels[first // 4 : -(-last // 4)]
    return Fingerprint(
        duration_ms=end_ms - start_ms,
        params_hash=whole.params_hash,
        reference=_within(whole.reference, first, last),
        dense=_within(whole.dense, first, last),
        level_map=LevelMap(rows, 4, whole.level_map.bins_per_cell),
    )


def _within(landmarks: Landmarks, first: int, last: int) -> Landmarks:
    inside = (landmarks.frames >= first) & (landmarks.frames < last)
    return Landmarks(
        frames=(landmarks.frames[inside] - first).astype(np.int32),
        bins=landmarks.bins[inside],
        levels=landmarks.levels[inside],
    )


def seconds(plays: Sequence[tuple[str, str, float, float]]) -> list[tuple[str, int]]:
    """Return title and begin in whole seconds of each play."""
    return [(title, round(start)) for title, _state, start, _end in plays]
