"""No server fills the disk, and none that is honest loses a second."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import DEMO
from benchmarks.hostile.raw_server import by_path, serving
from plugins.monitoring.benchmarks import radio
from plugins.monitoring.benchmarks.patient_clock import PatientClock
from plugins.monitoring.benchmarks.radio import Broken, Radio, Segments, SentSound
from plugins.monitoring.benchmarks.streams import RATE, KeptEvents, outcome, recorded
from plugins.monitoring.streams.choices import StreamState
from plugins.monitoring.streams.recording import causes, pace
from plugins.monitoring.streams.recording.arrivals import Arrival, Chunk
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.connection import Connection
from plugins.monitoring.streams.recording.events import StateChanged, StreamPlan
from plugins.monitoring.streams.recording.hls import HlsPlace
from plugins.monitoring.streams.recording.pace import Pace
from plugins.monitoring.streams.recording.recorder import StreamRecorder
from plugins.monitoring.streams.recording.ring import RingLog

pytestmark = pytest.mark.usefixtures("allowed")


class Hands(Clock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        super().__init__(epoch=datetime(2026, 11, 23, tzinfo=UTC))
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


@given(
    sizes=st.lists(st.integers(1, 16 << 20), min_size=1, max_size=60),
    pauses=st.lists(st.floats(0, 5), min_size=60, max_size=60),
)
def test_a_reader_that_keeps_the_pace_stays_within_the_rate(
    sizes: list[int], pauses: list[float]
) -> None:
    hands = Hands()
    held = Pace(hands)
    read = 0
    for size, passed in zip(sizes, pauses, strict=False):
        held.receive(size)
        read += size
        hands.at += held.hold_s() + passed

        most = pace.BURST_BYTES + pace.BYTES_PER_S * hands.at
        assert read <= most + 1


def test_a_month_of_an_encoder_that_is_a_little_fast_is_never_held() -> None:
    hands = Hands()
    held = Pace(hands)
    held.hear(120)  # the burst on connecting
    for _ in range(30 * 24 * 60):
        hands.at += 60
        held.hear(60 * 1.0002)
        held.receive(60 * 24_000)

        assert held.hold_s() == 0
    assert held.cause == ""


def test_an_outage_may_be_caught_up_with_at_once() -> None:
    hands = Hands()
    held = Pace(hands)
    hands.at = 5 * 3600.0
    held.hear(5 * 3600)

    assert held.hold_s() == 0


def test_hours_that_come_at_once_hold_a_server_back_for_ten_minutes() -> None:
    hands = Hands()
    held = Pace(hands)
    held.hear(40 * 3600)

    assert 0 < held.hold_s() <= pace.MOST_AHEAD_S
    assert held.cause == causes.TOO_FAST
    hands.at += pace.MOST_AHEAD_S
    assert held.hold_s() == 0
    hands.at += pace.SHOWN_S + 1
    assert held.cause == ""


def test_a_playlist_of_many_large_segments_does_not_fill_the_disk(
    played: SentSound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was 640 MB in 20 seconds."""
    monkeypatch.setattr(pace, "BYTES_PER_S", 100_000)
    monkeypatch.setattr(pace, "BURST_BYTES", 4 << 20)
    monkeypatch.setattr(pace, "BURST_S", 60)
    listing = "".join(f"#EXTINF:0.5,\n/{number}\n" for number in range(900))
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
    answers = {"/": _answer(f"{head}#EXTINF:0.5,\n/0\n".encode())}
    answers["*"] = _answer(played.data[: 1 << 20])
    clock, sink, stop = PatientClock(rate=RATE), KeptEvents(), threading.Event()
    with serving(by_path(answers)) as address:
        plan = StreamPlan(uid="s", urls=(f"{address}/",), folder=tmp_path, keep_hours=1)
        recorder = StreamRecorder(plan, sink, clock=clock)
        thread = threading.Thread(target=recorder.run, args=(stop,))
        thread.start()
        while not RingLog(tmp_path).size_bytes:
            thread.join(0.02)
        answers["/"] = _answer((head + listing).encode())
        while causes.TOO_FAST not in _causes(sink) and clock.monotonic() < 200:
            thread.join(0.02)
        stop.set()
        thread.join()

    most = pace.BURST_BYTES + pace.BYTES_PER_S * clock.monotonic()
    assert RingLog(tmp_path).size_bytes < most * 1.01 + (1 << 20)
    assert causes.TOO_FAST in _causes(sink)


def test_a_head_that_each_segment_begins_with_counts_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is sent once, and kept with each segment: 60 MB of ring a second."""
    monkeypatch.setattr(pace, "BURST_BYTES", 4 << 20)
    listing = "".join(f"#EXT-X-DISCONTINUITY\n#EXTINF:1,\n/{number}\n" for number in range(200))
    playlist = f'#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI="/head"\n{listing}'
    answers = {"/": _answer(playlist.encode()), "*": _answer(b"x")}
    answers["/head"] = _answer(bytes(1 << 20))
    hands = Hands()
    held, received = Pace(hands), 0
    with serving(by_path(answers)) as address:
        connection = Connection(f"{address}/", hands, HlsPlace(number=0), held)
        connection.start()
        while not held.cause:
            received += sum(_size_of(arrival) for arrival in connection.arrived())
        connection.halt()
        received += sum(_size_of(arrival) for arrival in connection.arrived())

    assert received <= pace.BURST_BYTES + (1 << 20)


def test_playlists_that_take_long_to_read_are_read_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each took up to a second of the processor, again and again."""
    monkeypatch.setattr(pace, "BURST_WORK_S", 0.001)
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n" + b"a\n" * 30_000
    addresses: list[str] = []

    def answer(path: str) -> bytes:
        addresses.append(path)
        return _answer(playlist)

    held = Pace(Hands())
    with serving(answer) as address:
        connection = Connection(f"{address}/", Hands(), HlsPlace(), held)
        connection.start()
        while not held.cause:
            list(connection.arrived())
        connection.halt()

    assert held.cause == causes.TOO_LONG_LISTS
    assert addresses.count("/") == 1


def _size_of(arrival: Arrival) -> int:
    return len(arrival.data) if isinstance(arrival, Chunk) else 0


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\n\r\n" + body


def _causes(sink: KeptEvents) -> set[str]:
    return {event.cause for event in sink.events if isinstance(event, StateChanged)}


@pytest.mark.soak
def test_a_long_outage_of_a_stream_that_can_be_wound_back_loses_nothing(tmp_path: Path) -> None:
    stream = radio.programme(radio.encoded(DEMO, 200, "mp2", ".ts").data, ".ts")
    outage = Broken(radio.DOWN, 30, 75)
    with Radio(stream, PatientClock(rate=RATE), [outage], segments=Segments(window=40)) as sender:
        sink = recorded(sender, tmp_path, 140, path="/hls/master.m3u8")

    result = outcome(sender, tmp_path, sink)
    assert result.gaps == ()
    assert result.lost_s < 1.0
    states = [e.state for e in sink.events if isinstance(e, StateChanged)]
    assert states[-1] == StreamState.LISTENING
    assert not _causes(sink) & {causes.TOO_FAST, causes.TOO_MANY_BYTES}
