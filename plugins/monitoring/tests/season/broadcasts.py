"""Stations of the season: what a recorder reports of their streams, and checks of it.

Nothing is sent over a network: a recorder's events and landmarks are made from the
programmes that people upload.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from base.accounts.models import User
from base.common.uid import new_uid
from plugins.monitoring.in_operations import stream_findings
from plugins.monitoring.streams import audio, recorders, services, settling
from plugins.monitoring.streams.choices import AirplayState, GapCause, RunEdge, StreamState
from plugins.monitoring.streams.live import LiveSearch
from plugins.monitoring.streams.models import Airplay, Stream, StreamHour, StreamRun
from plugins.monitoring.streams.recording.events import (
    Anchored,
    Gap,
    RunEnded,
    RunGrew,
    RunStarted,
    StateChanged,
    Titled,
)
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from plugins.monitoring.streams.sink import DatabaseSink
from recognition.audio.analysis import analyse_file
from recognition.fingerprints import file_format as fingerprint
from recognition.streaming.pieces import RunPiece
from recognition.types import Fingerprint
from review.models import Match
from scanning.choices import EngineChoice, SourceType
from scanning.models import Container, Scan
from tests.season import samples
from tests.season.invariants import check

_URL = "http://radio.example/live"


def add(station_name: str, name: str, container: Container, user: User) -> None:
    """Add a station with a stream."""
    station = services.add_station(name=station_name, time_zone="Europe/Berlin", user=user)
    services.add_stream(station=station, container=container, name=name, urls=[_URL], user=user)


def hear(rng: random.Random) -> str:
    """Let a stream be heard up to now, as its recorder reports it; return what happened.

    A quarter of the recorders has lost its machine: the time since the last run is told
    by nobody, and the landmarks of earlier runs are gone.
    """
    streams = list(Stream._base_manager.filter(enabled=True, deleted_at=None))
    if not streams:
        return "no stream is to be heard"
    stream = rng.choice(sorted(streams, key=lambda stream: stream.pk))
    number = rng.randrange(samples.PROGRAMMES)
    is_moved, is_away = rng.random() < 0.25, rng.random() < 0.25
    heard = _landmarks(number)
    until = datetime.now(tz=UTC)
    start = until - timedelta(milliseconds=heard.duration_ms)
    last = StreamRun._base_manager.filter(stream=stream).order_by("-starts_at").first()
    if last is not None and (last.ends_at is None or last.ends_at > start):
        return f"{stream} was heard a moment ago"
    sink = DatabaseSink(stream)
    if is_moved:
        shutil.rmtree(recorders.folder_of(stream), ignore_errors=True)
    elif last is not None and last.ends_at is not None:
        cause = rng.choice([GapCause.CONNECTION, GapCause.STALLED, GapCause.NO_AUDIO])
        sink.take(Gap(start=last.ends_at, end=start, cause=cause, is_exact=True))
    run = new_uid("sr")
    _say(sink, StreamState.LISTENING, start)
    _run(sink, stream, run, start, heard)
    sink.take(Titled(at=start, text=rng.choice(samples.WORDS)))
    search = LiveSearch()
    search.search([(stream, recorders.folder_of(stream))])
    sink.take(RunEnded(run=run, at=until, duration_ms=heard.duration_ms, cause=RunEdge.CONNECTION))
    search.search([(stream, recorders.folder_of(stream))])
    if is_away:
        _say(sink, StreamState.AWAY, until, "The server closed the connection.")
    moved = ", on another machine" if is_moved else ""
    return f"{stream} sends programme {number}{moved}"


def settle() -> list[StreamHour]:
    """Make the hours that are over, as recorders do."""
    made = []
    for stream in Stream._base_manager.order_by("pk"):
        folder = recorders.folder_of(stream)
        if folder.is_dir():
            made += settling.settle_due(stream, folder=folder)
            audio.copy_due(stream, folder)
    return made


def check_streams() -> None:
    """Check that each second up to the last hour lies in a run or in a gap."""
    findings = [str(finding) for finding in stream_findings()]
    check(not findings, f"the doctor finds {findings}")


def check_hours() -> None:
    """Check hours once all work is done: scanned here alone, and reviewed as files."""
    elsewhere = Scan._base_manager.filter(scanned_file__source_type=SourceType.STREAM).exclude(
        engine=EngineChoice.EMBEDDED
    )
    check(not elsewhere.exists(), f"hours were scanned elsewhere: {list(elsewhere)}")
    settled = Airplay._base_manager.filter(state=AirplayState.SETTLED, segment__isnull=False)
    for play in settled.select_related("segment__detection__scan"):
        assert play.segment is not None
        matches = Match._base_manager.filter(
            scanned_file=play.segment.detection.scan.scanned_file_id, recording=play.recording_id
        )
        check(matches.exists(), f"the play {play} has no match")


def _say(sink: DatabaseSink, state: StreamState, at: datetime, cause: str = "") -> None:
    sink.take(StateChanged(state=state, at=at, url=_URL, cause=cause))


def _run(sink: DatabaseSink, stream: Stream, run: str, start: datetime, heard: Fingerprint) -> None:
    """Report a run that goes on, and keep its landmarks."""
    sink.take(
        RunStarted(
            run=run,
            at=start,
            codec="mp3",
            sample_rate=44_100,
            channels=2,
            byte_offset=0,
            cause=RunEdge.STARTED,
        )
    )
    log = LandmarkLog(recorders.folder_of(stream), run)
    body = fingerprint.to_bytes(heard)
    log.append(RunPiece(0, 0, heard.duration_ms, body))
    log.close()
    end = start + timedelta(milliseconds=heard.duration_ms)
    sink.take(Anchored(run=run, run_ms=0, at=start))
    sink.take(Anchored(run=run, run_ms=heard.duration_ms, at=end))
    sink.take(RunGrew(run=run, duration_ms=heard.duration_ms, at=end))


@cache
def _landmarks(number: int) -> Fingerprint:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "programme.wav"
        path.write_bytes(samples.programme(number))
        return analyse_file(path).fingerprint
