"""A recorder against a radio that knows what was on the air, with faults."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from django.utils import translation
from pytest_django import Settings

from base.common.stored import read_stored
from benchmarks.corpus import DEMO
from plugins.monitoring.benchmarks import radio
from plugins.monitoring.benchmarks.patient_clock import PatientClock
from plugins.monitoring.benchmarks.radio import Broken, Radio, Segments, SentSound
from plugins.monitoring.benchmarks.streams import RATE, KeptEvents, Recorded, outcome, recorded
from plugins.monitoring.streams.choices import GapCause, RunEdge, StreamState
from plugins.monitoring.streams.recording.cutting import cut_audio
from plugins.monitoring.streams.recording.events import (
    RunEnded,
    RunGrew,
    RunStarted,
    StateChanged,
    StreamPlan,
    Titled,
)
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from plugins.monitoring.streams.recording.recorder import StreamRecorder
from plugins.monitoring.streams.recording.ring import RingGone, RingLog
from plugins.monitoring.streams.recording.tryout import try_stream
from recognition.audio.analysis import analyse_file

pytestmark = pytest.mark.usefixtures("allowed")

# The benchmark allows half a second, without playlists, which are read every few seconds.
FAULT_S = 1.0
CLOCK_S = 1.0


def _causes(recorded: Recorded) -> list[str]:
    return [gap.cause for gap in recorded.gaps]


def _is_right(recorded: Recorded, faults: int) -> bool:
    worst = max(abs(error) for error in recorded.clock_errors)
    return abs(recorded.error_s) <= FAULT_S * faults and worst <= CLOCK_S


def test_every_second_is_in_a_run_or_a_gap(played: SentSound, tmp_path: Path) -> None:
    faults = [
        Broken(radio.DROP, 25),
        Broken(radio.PAUSE, 50, 6),
        Broken(radio.HOLD, 85, 8),
        Broken(radio.DOWN, 110, 12),
    ]
    with Radio(played, PatientClock(rate=RATE), faults) as sender:
        sink = recorded(sender, tmp_path, 145)

    result = outcome(sender, tmp_path, sink)
    assert _is_right(result, len(faults))
    # A busy machine stalls the radio once more.
    assert set(_causes(result)) == {GapCause.STALLED, GapCause.CONNECTION}
    assert _causes(result).count(GapCause.CONNECTION) == 1
    ends = dict.fromkeys(e.cause for e in sink.events if isinstance(e, RunEnded))
    assert [*ends] == [RunEdge.STALLED, RunEdge.CONNECTION, RunEdge.RECORDER]
    titles = [e.text for e in sink.events if isinstance(e, Titled)]
    assert titles[:2] == sender.titles
    states = [e.state for e in sink.events if isinstance(e, StateChanged)]
    assert states[0] == StreamState.CONNECTING
    assert StreamState.LISTENING in states
    assert StreamState.AWAY in states


def test_run_has_the_landmarks_of_a_file_scan(played: SentSound, tmp_path: Path) -> None:
    with Radio(played, PatientClock(rate=RATE)) as sender:
        sink = recorded(sender, tmp_path, 60)

    (started,) = sink.of(RunStarted)
    (ended,) = sink.of(RunEnded)
    assert isinstance(started, RunStarted)
    assert isinstance(ended, RunEnded)
    path = tmp_path / "whole.mp3"
    path.write_bytes(b"".join(e.data for e in RingLog(tmp_path).entries(0)))
    scanned = analyse_file(path).fingerprint
    log = LandmarkLog(tmp_path, started.run)
    heard = log.read(0, ended.duration_ms + 1000)
    assert log.duration_ms == scanned.duration_ms
    for ours, theirs in ((heard.dense, scanned.dense), (heard.reference, scanned.reference)):
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(ours.frames, theirs.frames)
        assert np.array_equal(ours.bins, theirs.bins)
    assert heard.level_map is not None
    assert scanned.level_map is not None
    assert np.array_equal(heard.level_map.levels, scanned.level_map.levels)
    assert any(isinstance(e, RunGrew) for e in sink.events)

    part = log.read(20_000, 30_000)
    assert part.dense is not None
    assert heard.dense is not None
    first = 20_000 // 64 * 4
    inside = (heard.dense.frames >= first) & (heard.dense.frames < 30_000 // 16)
    assert np.array_equal(part.dense.frames, heard.dense.frames[inside] - first)

    cut = cut_audio(tmp_path, started.run, 20_000, 30_000, tmp_path / "cut.mp3")
    assert cut.start_ms <= 20_000 < 30_000 <= cut.end_ms
    assert (cut.suffix, cut.end_ms - cut.start_ms < 14_000) == (".mp3", True)
    facts = analyse_file(tmp_path / "cut.mp3").facts
    assert abs(facts.duration_ms - (cut.end_ms - cut.start_ms)) < 100
    with pytest.raises(RingGone):
        cut_audio(tmp_path, "sr_other", 0, 1000, tmp_path / "cut.mp3")


def test_killed_recorder_goes_on_from_the_ring(played: SentSound, tmp_path: Path) -> None:
    kills = [Broken("kill", 25, 2), Broken("kill", 50, 7)]
    with Radio(played, PatientClock(rate=RATE)) as sender:
        sink = recorded(sender, tmp_path, 80, kills=kills)

    result = outcome(sender, tmp_path, sink)
    assert _is_right(result, len(kills))
    # How long a restart takes depends on the machine.
    assert result.gaps_s > 0.5
    assert set(_causes(result)) == {GapCause.RECORDER}


@pytest.mark.soak
def test_segments_that_are_lost_are_gaps_of_known_length(played: SentSound, tmp_path: Path) -> None:
    stream = radio.programme(radio.encoded(DEMO, 200, "mp2", ".ts").data, ".ts")
    segments = Segments(window=10, anew=frozenset({4}), lost=frozenset({6}), restart=10)
    with Radio(stream, PatientClock(rate=RATE), segments=segments) as sender:
        sink = recorded(sender, tmp_path, 80, path="/hls/master.m3u8")

    result = outcome(sender, tmp_path, sink)
    assert _is_right(result, 1)
    assert result.gaps[0].cause == GapCause.SEGMENT_LOST
    assert result.gaps[0].is_exact
    ends = [e.cause for e in sink.events if isinstance(e, RunEnded)]
    assert ends == [RunEdge.SEGMENT_LOST, RunEdge.ENCODER, RunEdge.RECORDER]


@pytest.mark.soak
@pytest.mark.usefixtures("_warm")
def test_ogg_chain_is_one_run(tmp_path: Path) -> None:
    link = radio.encoded(DEMO, 25, "libopus", ".ogg").data
    chain = radio.programme(link + link + link, ".ogg")
    with Radio(chain, PatientClock(rate=RATE), begin_s=10.0) as sender:
        sink = recorded(sender, tmp_path, 50)

    (started,) = sink.of(RunStarted)
    (ended,) = sink.of(RunEnded)
    assert isinstance(ended, RunEnded)
    assert isinstance(started, RunStarted)
    assert ended.duration_ms > 45_000
    cut = cut_audio(tmp_path, started.run, 20_000, 30_000, tmp_path / "cut.ogg")
    assert cut.suffix == ".ogg"
    assert analyse_file(tmp_path / "cut.ogg").facts.duration_ms >= 10_000


def test_hostile_server_ends_with_a_named_reason(played: SentSound, tmp_path: Path) -> None:
    causes = {
        "page": "page",
        "loop": "redirects too often",
        "missing": "404",
        "noise": "does not send sound",
        "drip": "too long",
    }
    clock, stop = PatientClock(rate=RATE), threading.Event()
    sinks = {path: KeptEvents() for path in causes}
    with Radio(played, clock) as sender:
        threads = []
        for path, sink in sinks.items():
            urls = (f"{sender.address}/{path}",)
            plan = StreamPlan(uid=path, urls=urls, folder=tmp_path / path, keep_hours=1)
            recorder = StreamRecorder(plan, sink, clock=clock)
            threads.append(threading.Thread(target=recorder.run, args=(stop,)))
            threads[-1].start()
        while not all(map(_away, sinks.values())) and sender.now < 90:
            sender.wait(0.02)
        stop.set()
        for thread in threads:
            thread.join()

    for path, cause in causes.items():
        away = _away(sinks[path])
        assert any(cause in reason for reason in away), path
        with translation.override("de"):
            reasons = [read_stored(reason) for reason in away]
        assert not set(reasons) & set(away)
        assert not sinks[path].of(RunStarted)


def _away(sink: KeptEvents) -> list[str]:
    return [
        event.cause
        for event in sink.events
        if isinstance(event, StateChanged) and event.state == StreamState.AWAY
    ]


@pytest.mark.soak
def test_try_out_says_what_it_hears(played: SentSound) -> None:
    clock = PatientClock(rate=RATE)
    with Radio(played, clock) as sender:
        for path in ("/live", "/icy", "/live.m3u", "/live.pls"):
            heard = try_stream(
                [sender.address + "/missing", sender.address + path], 10, clock=clock
            )

            assert heard.url.endswith(path)
            facts = (heard.codec[:3], heard.sample_rate, heard.channels)
            assert facts == ("mp2", 44_100, 2), path
            assert 120_000 < heard.bitrate < 136_000
            assert heard.titles == ("First title", "Second title")
            assert heard.landmarks is not None
            assert heard.landmarks.dense is not None
            assert len(heard.landmarks.dense.frames) > 100


@pytest.mark.usefixtures("_warm")
def test_try_out_names_the_cause(settings: Settings) -> None:
    urls, clock = ["http://127.0.0.1:9/live"], PatientClock(rate=RATE)
    heard = try_stream(urls, 3, clock=clock)
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False
    refused = try_stream(urls, 3, clock=clock)

    assert heard.landmarks is None
    assert "could not be reached" in heard.cause
    assert "private or local" in refused.cause
