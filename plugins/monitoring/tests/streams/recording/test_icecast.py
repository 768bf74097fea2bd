"""The recorder against a real Icecast, at four times the speed of real radio."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import requests

from benchmarks.corpus import DEMO
from plugins.monitoring.benchmarks import radio
from plugins.monitoring.benchmarks.radio import SentSound
from plugins.monitoring.benchmarks.streams import KeptEvents
from plugins.monitoring.streams.choices import GapCause, RunEdge, StreamState
from plugins.monitoring.streams.recording import ring
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.events import (
    Gap,
    RunEnded,
    RunStarted,
    StateChanged,
    StreamPlan,
    Titled,
)
from plugins.monitoring.streams.recording.recorder import StreamRecorder
from plugins.monitoring.streams.recording.ring import RingLog
from plugins.monitoring.streams.recording.tryout import try_stream
from plugins.monitoring.tests.streams.icecast import Icecast, needs_icecast, wait_until
from recognition.audio.analysis import analyse_file

pytestmark = [
    pytest.mark.slow,  # sound that servers send takes its time
    needs_icecast,
    pytest.mark.usefixtures("allowed", "_warm"),
]

RATE: Final = 4.0
# How far gaps may be off: a twentieth of a second of the machine is a fifth here, and
# who asks for a source that is not there yet pauses a second.
NEAR_S: Final = 6.0
CODECS: Final = {".mp3": "mp3", ".aac": "aac", ".ogg": "vorbis", ".opus": "opus"}
MOUNTS: Final = {suffix: f"/live{suffix}" for suffix in CODECS}


@dataclass
class Recording:
    """What a recorder tells of a mount."""

    folder: Path
    sink: KeptEvents
    clock: Clock

    @property
    def states(self) -> list[tuple[str, str]]:
        """Each state, and why."""
        return [
            (event.state, event.cause)
            for event in self.sink.events
            if isinstance(event, StateChanged)
        ]

    @property
    def titles(self) -> list[str]:
        return [event.text for event in self.sink.events if isinstance(event, Titled)]

    @property
    def runs(self) -> list[tuple[RunStarted, RunEnded]]:
        ends = {e.run: e for e in self.sink.of(RunEnded) if isinstance(e, RunEnded)}
        begins = [e for e in self.sink.of(RunStarted) if isinstance(e, RunStarted)]
        return [(begin, ends[begin.run]) for begin in begins]

    @property
    def gaps(self) -> list[Gap]:
        gaps = [e for e in self.sink.of(Gap) if isinstance(e, Gap)]
        return [gap for gap in gaps if gap.cause != GapCause.SILENT]

    def hears(self) -> bool:
        """Whether sound comes at the moment."""
        return bool(self.states) and self.states[-1][0] == StreamState.LISTENING

    def is_away(self) -> bool:
        return bool(self.states) and self.states[-1][0] == StreamState.AWAY

    def has_failed_with(self, words: str) -> bool:
        """Whether an attempt to connect again has failed for this cause."""
        return self.is_away() and any(words in why for _state, why in self.states)

    def parts(self) -> list[bytes]:
        made: list[bytearray] = []
        for entry in RingLog(self.folder).entries(0):
            if entry.kind == ring.BEGIN or not made:
                made.append(bytearray())
            made[-1] += entry.data
        return [bytes(part) for part in made]


@contextmanager
def _recording(address: str, folder: Path) -> Iterator[Recording]:
    clock = Clock(rate=RATE)
    recording = Recording(folder, KeptEvents(), clock)
    plan = StreamPlan(uid="s", urls=(address,), folder=folder, keep_hours=1)
    recorder = StreamRecorder(plan, recording.sink, clock=clock)
    stop = threading.Event()
    thread = threading.Thread(target=recorder.run, args=(stop,))
    thread.start()
    try:
        yield recording
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SentSound]:
    """Music as MP3 and as AAC, which FFmpeg passes on byte for byte."""
    return {
        ".mp3": radio.encoded(DEMO, 200, "libmp3lame", ".mp3"),
        ".aac": radio.encoded(DEMO, 200, "aac", ".aac"),
    }


@pytest.fixture(scope="module")
def files(sound: dict[str, SentSound], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is sent to a mount; Ogg is encoded on the way."""
    folder = tmp_path_factory.mktemp("sound")
    for suffix, played in sound.items():
        (folder / f"music{suffix}").write_bytes(played.data)
    return {suffix: folder / f"music{suffix if suffix in sound else '.mp3'}" for suffix in CODECS}


def test_each_codec_goes_on_after_the_server_was_killed(
    sound: dict[str, SentSound], files: dict[str, Path], tmp_path: Path
) -> None:
    with Icecast() as server:
        _play_all(server, files, "First title")
        with ExitStack() as recorders:
            recordings = {
                suffix: recorders.enter_context(
                    _recording(server.address(mount), tmp_path / suffix[1:])
                )
                for suffix, mount in MOUNTS.items()
            }
            wait_until(lambda: all(recording.hears() for recording in recordings.values()))
            _pass(15)
            server.kill()
            down = time.monotonic()
            refused = "could not be reached"
            wait_until(
                lambda: all(recording.has_failed_with(refused) for recording in recordings.values())
            )
            server.start()
            _play_all(server, files, "Second title")
            down_s = (time.monotonic() - down) * RATE
            wait_until(lambda: all(recording.hears() for recording in recordings.values()))
            _pass(10)

    for suffix, recording in recordings.items():
        causes = [ended.cause for _started, ended in recording.runs]
        assert causes == [RunEdge.CONNECTION, RunEdge.RECORDER], suffix
        (gap,) = recording.gaps
        assert gap.cause == GapCause.CONNECTION, suffix
        assert (gap.end - gap.start).total_seconds() < down_s + NEAR_S, suffix
        assert abs(_unaccounted_s(recording)) < 0.1, suffix
        assert recording.titles == ["First title", "Second title"], suffix
        parts = recording.parts()
        if suffix in sound:
            radio.parts_of(parts, sound[suffix])  # not a byte is wrong
        for part, (_started, ended) in zip(parts, recording.runs, strict=True):
            path = tmp_path / f"part{suffix}"
            path.write_bytes(part)
            length_ms = analyse_file(path).facts.duration_ms
            assert abs(length_ms - ended.duration_ms) < 100, suffix


def _play_all(server: Icecast, files: dict[str, Path], title: str) -> None:
    """Play music on all mounts."""
    for suffix, mount in MOUNTS.items():
        server.play(files[suffix], mount, rate=RATE, title=title)
        # Titles of Ogg stand in the stream itself; Icecast takes none from outside.
        if suffix in (".mp3", ".aac"):
            server.title(mount, title)


def _pass(seconds: float) -> None:
    time.sleep(seconds / RATE)


def _unaccounted_s(recording: Recording) -> float:
    """Seconds between the first and the last sound that lie in no run and in no gap."""
    runs = [(started.at, ended.at) for started, ended in recording.runs]
    spans = [*runs, *((gap.start, gap.end) for gap in recording.gaps)]
    message = sum((end - start).total_seconds() for start, end in spans)
    return (runs[-1][1] - runs[0][0]).total_seconds() - message


def test_fallback_mount_plays_while_the_source_is_gone(
    files: dict[str, Path], tmp_path: Path
) -> None:
    mounts = """<mount><mount-name>/live.mp3</mount-name>
        <fallback-mount>/instead.mp3</fallback-mount>
        <fallback-override>1</fallback-override></mount>"""
    with Icecast(mounts) as server:
        server.play(files[".mp3"], "/instead.mp3", rate=RATE)
        studio = server.play(files[".mp3"], "/live.mp3", rate=RATE)
        server.title("/instead.mp3", "Music instead")
        server.title("/live.mp3", "From the studio")
        with _recording(server.address("/live.mp3"), tmp_path) as recording:
            wait_until(recording.hears)
            _pass(10)
            server.stop(studio, "/live.mp3")
            wait_until(lambda: recording.titles[-1:] == ["Music instead"])
            _pass(10)
            server.play(files[".mp3"], "/live.mp3", rate=RATE)
            server.title("/live.mp3", "Back again")
            wait_until(lambda: recording.titles[-1:] == ["Back again"])
            _pass(10)

    assert recording.titles == ["From the studio", "Music instead", "Back again"]
    assert StreamState.AWAY not in [state for state, _why in recording.states]
    heard_s = sum(ended.duration_ms for _started, ended in recording.runs) / 1000
    assert heard_s > 30
    assert all(run.cause != RunEdge.FORMAT for _started, run in recording.runs)
    assert abs(_unaccounted_s(recording)) < 0.1


def test_source_that_is_gone_is_a_gap_until_it_is_back(
    files: dict[str, Path], tmp_path: Path
) -> None:
    with Icecast() as server:
        studio = server.play(files[".mp3"], "/live.mp3", rate=RATE)
        with _recording(server.address("/live.mp3"), tmp_path) as recording:
            wait_until(recording.hears)
            _pass(10)
            server.stop(studio, "/live.mp3")
            gone = time.monotonic()
            wait_until(lambda: recording.has_failed_with("404"))
            server.play(files[".mp3"], "/live.mp3", rate=RATE)
            gone_s = (time.monotonic() - gone) * RATE
            wait_until(recording.hears)
            _pass(6)

    (gap,) = recording.gaps
    assert gap.cause == GapCause.CONNECTION
    assert abs((gap.end - gap.start).total_seconds() - gone_s) < NEAR_S
    assert abs(_unaccounted_s(recording)) < 0.1


def test_full_mount_is_named_and_tried_again(files: dict[str, Path], tmp_path: Path) -> None:
    mounts = """<mount><mount-name>/live.mp3</mount-name>
        <max-listeners>1</max-listeners></mount>"""
    with Icecast(mounts) as server:
        server.play(files[".mp3"], "/live.mp3", rate=RATE)
        address = server.address("/live.mp3")
        with requests.get(address, stream=True, timeout=5) as other_answer:
            assert other_answer.ok
            heard = try_stream([address], 5, clock=Clock(rate=RATE))
            with _recording(address, tmp_path) as recording:
                wait_until(recording.is_away)
                other_answer.close()
                wait_until(recording.hears)

    assert heard.landmarks is None
    assert "403" in heard.cause
    assert any("403" in why for _state, why in recording.states)


def test_try_out_hears_each_codec_and_its_title(files: dict[str, Path]) -> None:
    with Icecast() as server:
        _play_all(server, files, "What plays")
        with ThreadPoolExecutor() as pool:
            heard = dict(
                zip(
                    MOUNTS,
                    pool.map(
                        lambda mount: try_stream(
                            [server.address(mount)], 10, clock=Clock(rate=RATE)
                        ),
                        MOUNTS.values(),
                    ),
                    strict=True,
                )
            )

    for suffix, codec in CODECS.items():
        assert heard[suffix].codec.startswith(codec)
        assert heard[suffix].titles == ("What plays",)
        landmarks = heard[suffix].landmarks
        assert landmarks is not None
        assert landmarks.duration_ms > 5000
