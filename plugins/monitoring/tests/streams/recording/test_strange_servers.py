"""Whatever a server answers is the server's fault, never the recorder's."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.hostile.raw_server import by_path, serving
from plugins.monitoring.benchmarks.patient_clock import PatientClock
from plugins.monitoring.benchmarks.streams import KeptEvents
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.recording import playlists
from plugins.monitoring.streams.recording.arrivals import Closed
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.connection import Connection
from plugins.monitoring.streams.recording.events import StreamPlan, Titled
from plugins.monitoring.streams.recording.hls import HlsPlace
from plugins.monitoring.streams.recording.icy import IcyReader, SentTitle
from plugins.monitoring.streams.recording.pace import Pace
from plugins.monitoring.streams.recording.playlists import BadPlaylist
from plugins.monitoring.streams.recording.recorder import StreamRecorder

pytestmark = pytest.mark.usefixtures("allowed")

# Pauses are this much shorter, and a busy machine still has 3 s to answer.
RATE = 10.0
SOUND = b"\xff\xfd\x80\x00" * 100


def closed(answers: dict[str, bytes], *, arrivals: int = 1000) -> Closed | None:
    """Connect to ``/`` of a server and return how that ended, if it did soon."""
    with serving(by_path(answers)) as address:
        clock = Clock(rate=RATE)
        connection = Connection(f"{address}/", clock, HlsPlace(), Pace(clock))
        connection.start()
        try:
            while arrivals > 0:
                for arrival in connection.arrived():
                    arrivals -= 1
                    if isinstance(arrival, Closed):
                        return arrival
        finally:
            connection.halt()
    return None


def answer(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.0 200 OK", *headers, b"", body])


def test_nonsense_is_named() -> None:
    for first, reason in [
        (answer(b"#EXTM3U\nhttp://[bad\n"), "without addresses"),
        (answer(b"[playlist]\nFile1=http://[bad\n"), "without addresses"),
        (answer(b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:4,\nhttp://[bad\n"), "address"),
        (answer(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://[bad\n"), "address"),
        (answer(b'#EXTM3U\n#EXT-X-MAP:URI="//[bad"\n#EXTINF:4,\na\n'), "address"),
        (b"HTTP/1.0 302 Found\r\nLocation: http://[bad\r\n\r\n", "could not be read"),
        (b"HTTP/1.0 302 Found\r\nLocation: file:///etc\r\n\r\n", "begin with http://"),
        (answer(SOUND, b"icy-metaint: " + b"9" * 5000), "could not be read"),
        (answer(SOUND, b"icy-metaint: 1"), "could not be read"),
        (answer(SOUND, b"icy-metaint: many"), "could not be read"),
        (answer(SOUND, *[b"X-%d: y" % n for n in range(200)]), "could not be reached"),
        (answer(SOUND, b"X: " + b"y" * 100_000), "could not be reached"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + answer(SOUND), "could not be reached"),
        (b"ICY 100 Wait\r\n\r\n" * 9 + answer(SOUND), "could not be reached"),
        (b"HTTP/1.0 404 Not\x00 \x07Found\r\n\r\n", "404 Not Found"),
        (answer(b"#EXTM3U\n" + b"#" * 10_000_000), "too much"),
    ]:
        end = closed({"/": first})

        assert end is not None, reason
        assert end.cause in (GapCause.CONNECTION, GapCause.NO_AUDIO), reason
        assert reason in end.reason, reason


def test_an_entry_that_cannot_be_read_does_not_hide_the_next() -> None:
    with serving(by_path({"/live": answer(SOUND)})) as address:
        listing = f"#EXTM3U\nhttp://[bad\n{address}/live\n"

        entries = playlists.entries(listing, "http://radio.example/")

    assert entries == [f"{address}/live"]


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the entries of playlists whose addresses are made: those cost time."""
    entries: list[str] = []

    def collecting(base: str, entry: str) -> str:
        entries.append(entry)
        return urljoin(base, entry)

    monkeypatch.setattr(playlists, "urljoin", collecting)
    return entries


def test_of_a_long_list_few_addresses_are_made(joined: list[str]) -> None:
    """All were made for the first of them: half a second of the processor."""
    for line in ["http://[bad\n", "a\n", "File1=ftp://a\n"]:
        joined.clear()
        first = "[playlist]\n" if "File" in line else ""
        listing = first + line * (playlists.MAX_PLAYLIST // len(line))

        assert len(playlists.entries(listing, "http://radio.example/")) <= 10, line
        assert len(joined) <= playlists.MAX_LINES_READ, line


def test_addresses_of_segments_that_nobody_reads_are_not_made(joined: list[str]) -> None:
    """A playlist of 131,000 segments took a second of the processor."""
    media_playlist = playlists.media_playlist(
        "#EXTM3U\n#EXT-X-VERSION:3\n" + "a\n" * 131_000, "http://radio.example/"
    )

    assert len(media_playlist.segments) == 131_000
    assert joined == []
    assert media_playlist.segments[-1].part.url == "http://radio.example/a"


def test_a_long_name_in_a_playlist_costs_little() -> None:
    """Reading it took the square of its length: ten minutes for a whole playlist."""
    line = "#EXT-X-STREAM-INF:" + "A" * 200_000

    with pytest.raises(BadPlaylist):
        playlists.leanest(f"#EXTM3U\n{line}\n", "http://radio.example/")


def test_a_title_that_begins_again_and_again_costs_little() -> None:
    """Each 4 kB took a hundredth of a second, while all other streams waited."""
    block = b"StreamTitle='" * 313
    stream = (bytes(256) + b"\xff" + block.ljust(255 * 16, b"x")) * 1000
    begun = time.thread_time()

    assert not any(isinstance(s, SentTitle) for s in IcyReader(256).take(stream))
    assert time.thread_time() - begun < 3


def test_a_flood_of_titles_is_a_title_each_two_seconds(tmp_path: Path) -> None:
    """Each is a row of the database."""
    titles = b"".join(
        bytes(256) + b"\x02" + f"StreamTitle='{n}';".encode().ljust(32, b"\0") for n in range(3000)
    )
    clock, sink, stop = PatientClock(rate=2 * RATE), KeptEvents(), threading.Event()
    with serving(by_path({"/": answer(titles, b"icy-metaint: 256")})) as address:
        plan = StreamPlan(uid="s", urls=(f"{address}/",), folder=tmp_path, keep_hours=1)
        recorder = StreamRecorder(plan, sink, clock=clock)
        thread = threading.Thread(target=recorder.run, args=(stop,))
        thread.start()
        while len(sink.of(Titled)) < 2:
            thread.join(0.02)
        stop.set()
        thread.join()

    assert 2 <= len(sink.of(Titled)) <= clock.monotonic() / 2 + 1


PARTS = (
    *("#EXTM3U\n", "#EXT-X-VERSION:3\n", "#EXT-X-TARGETDURATION:1\n", "#EXTINF:1,\n"),
    *("#EXT-X-STREAM-INF:BANDWIDTH=", "#EXT-X-MEDIA:TYPE=AUDIO,URI=", "#EXT-X-GAP\n"),
    *("#EXT-X-MEDIA-SEQUENCE:", '#EXT-X-MAP:URI="', "#EXT-X-BYTERANGE:"),
    *("#EXT-X-ENDLIST", "[playlist]\n", "File1=", "http://[bad", "//", "a\n", "/b\n"),
    *('"', "\0", "9" * 5000, "<html>", "OggS", "ID3", "\xff\xfb", "-1", "\n", "@"),
    *("ftp://x/", "http://\ud7ff/"),
)
HEADERS = (
    *("icy-metaint", "Content-Length", "Content-Type", "Content-Range", "Location"),
    *("Transfer-Encoding", "Content-Encoding", "Set-Cookie", "Connection", "\u0663"),
)
VALUES = (
    *("", "0", "1", "-1", "256", "9" * 5000, "chunked", "gzip", "gzip, " * 20),
    *("identity", "http://[bad", "/b", "//", "text/html", "bytes 0-1/2"),
    *("a=b; expires=1", "\x00"),
)
STATUS = (
    *("HTTP/1.1 200 OK", "HTTP/1.0 206 Partial", "HTTP/1.1 302 Found", "ICY 200 OK"),
    *("ICY", "ICY 99999", "HTTP/9.9 x", "HTTP/1.1 000", "HTTP/1.1 404 \x00", ""),
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from(STATUS))
    headers = draw(
        st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(VALUES)), max_size=4)
    )
    parts = st.one_of(st.sampled_from(PARTS), st.text(max_size=10))
    body = "".join(draw(st.lists(parts, max_size=14)))
    lines = [status, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8") + body.encode("utf-8", "surrogatepass")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=answers(), fallback=answers())
def test_no_answer_is_the_recorders_fault(first: bytes, fallback: bytes) -> None:
    end = closed({"/": first, "*": fallback}, arrivals=20)

    assert end is None or end.cause in (GapCause.CONNECTION, GapCause.NO_AUDIO)
