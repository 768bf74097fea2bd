"""Parsers of what servers send, and the files that a kill may tear."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import DEMO
from plugins.monitoring.benchmarks import radio
from plugins.monitoring.streams.recording import playlists, ring
from plugins.monitoring.streams.recording.icy import IcyReader, SentTitle
from plugins.monitoring.streams.recording.ogg import OggLinks, title_of
from plugins.monitoring.streams.recording.playlists import BadPlaylist
from plugins.monitoring.streams.recording.ring import RingGone, RingLog
from plugins.monitoring.streams.recording.run_clock import RunClock
from plugins.monitoring.streams.recording.splice import Splice

BASE = "http://radio.example/a/list"
LIVE = """#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:41
#EXT-X-MAP:URI="head.mp4"
#EXTINF:5.5,
one.m4s
#EXT-X-DISCONTINUITY
#EXT-X-BYTERANGE:100@50
#EXTINF:6,
two.m4s
#EXT-X-GAP
#EXTINF:6,
three.m4s
"""


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(
    sound=st.binary(min_size=1, max_size=300),
    interval=st.integers(1, 50),
    cuts=st.lists(st.integers(0, 1000), max_size=10),
)
def test_titles_are_separated_from_sound_wherever_bytes_are_cut(
    sound: bytes, interval: int, cuts: list[int]
) -> None:
    sent = bytearray()
    titles = 0
    for at in range(0, len(sound), interval):
        sent += sound[at : at + interval]
        if at + interval <= len(sound):
            block = f"StreamTitle='It''s {titles}';".encode().ljust(32, b"\0")
            sent += bytes([2]) + block
            titles += 1

    reader = IcyReader(interval)
    made = [item for part in _cut(bytes(sent), cuts) for item in reader.take(part)]

    assert b"".join(m for m in made if isinstance(m, bytes)) == sound
    texts = [m.text for m in made if isinstance(m, SentTitle)]
    assert texts == [f"It''s {n}" for n in range(titles)]


@given(
    data=st.binary(max_size=400),
    interval=st.integers(0, 20),
    cuts=st.lists(st.integers(0, 1000), max_size=5),
)
def test_any_bytes_pass_the_readers(data: bytes, interval: int, cuts: list[int]) -> None:
    reader, links = IcyReader(interval), OggLinks()
    passed = bytearray()

    for part in _cut(data, cuts):
        list(reader.take(part))
        passed += b"".join(p.data for p in links.take(part))

    assert data.startswith(passed)
    assert len(data) - len(passed) <= 282  # a page header that is not complete


@given(cuts=st.lists(st.integers(0, 10**6), max_size=10))
def test_links_of_an_ogg_chain_are_found(cuts: list[int]) -> None:
    link = radio.encoded(DEMO, 3, "libopus", ".ogg").data
    links = OggLinks()

    parts = [p for data in _cut(link + link, cuts) for p in links.take(data)]

    assert b"".join(part.data for part in parts) == link + link
    at, begins = 0, []
    for part in parts:
        begins += [at] if part.begins else []
        at += len(part.data)
    assert begins == [0, len(link)]
    assert links.head.startswith(b"OggS")
    assert b"OpusTags" in links.head


def test_live_playlist_is_read() -> None:
    offer = playlists.media_playlist(LIVE, BASE)

    first, two, three = offer.segments
    assert [s.number for s in offer.segments] == [41, 42, 43]
    assert first.part.url == "http://radio.example/a/one.m4s"
    assert first.head == two.head == playlists.ListedPart("http://radio.example/a/head.mp4")
    assert (first.begins_anew, two.begins_anew) == (False, True)
    assert two.part.range == (50, 150)
    assert (first.duration_s, three.is_missing, offer.has_ended) == (5.5, True, False)


def test_leanest_variant_is_taken() -> None:
    text = radio.MASTER.decode()

    assert playlists.leanest(text, BASE) == "http://radio.example/a/live.m3u8"
    assert playlists.leanest(LIVE, BASE) is None


def test_encrypted_stream_is_refused() -> None:
    with pytest.raises(BadPlaylist, match="encrypted"):
        playlists.media_playlist('#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:1,\na', BASE)


@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.builds(
                "#EXT{}:{}".format,
                st.sampled_from(
                    [
                        "INF",
                        "-X-MAP",
                        "-X-BYTERANGE",
                        "-X-MEDIA-SEQUENCE",
                        "-X-KEY",
                        "-X-STREAM-INF",
                        "-X-TARGETDURATION",
                        "-X-MEDIA",
                    ]
                ),
                st.text(max_size=30),
            ),
        ),
        max_size=12,
    )
)
def test_any_playlist_is_read_or_refused(lines: list[str]) -> None:
    text = "\n".join(["#EXTM3U", "#EXT-X-VERSION:3", *lines])
    try:
        playlists.leanest(text, BASE)
        playlists.media_playlist(text, BASE)
        playlists.entries(text, BASE)
    except BadPlaylist:
        pass


@given(torn=st.integers(1, 40), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_torn_end_of_the_ring_is_cut_off(
    torn: int, sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    ring_log = RingLog(folder)
    for number, size in enumerate(sizes):
        ring_log.append(bytes([number]) * size, 1000.0 + number)
    ring_log.close()
    (path,) = (folder / "ring").iterdir()
    path.write_bytes(path.read_bytes()[:-torn])

    again = RingLog(folder)
    whole = b"".join(e.data for e in again.entries(0))
    begin = again.append(b"after", 2000.0) - 5

    assert whole == b"".join(bytes([n]) * s for n, s in enumerate(sizes))[: len(whole)]
    assert begin == len(whole) or not whole
    assert b"".join(e.data for e in again.entries(0)) == whole + b"after"


def test_old_bytes_of_the_ring_are_gone(tmp_path: Path) -> None:
    ring_log = RingLog(tmp_path)
    for minute in range(40):
        ring_log.append(bytes([minute]) * 10, 60.0 * minute)

    ring_log.drop_before(ring.utc(60.0 * 25))

    assert ring_log.read(ring.utc(60.0 * 30), ring.utc(60.0 * 32)) == (
        bytes([30]) * 10 + bytes([31]) * 10
    )
    with pytest.raises(RingGone):
        ring_log.read(datetime(1970, 1, 1, tzinfo=UTC), ring.utc(60.0))
    with pytest.raises(RingGone):
        list(ring_log.entries(5))


def test_burst_is_spliced_and_another_programme_is_not() -> None:
    sent = radio.encoded(DEMO, 20, "mp2", ".mp3").data
    tail, burst = sent[:100_000], sent[60_000:140_000]

    joined = Splice(tail, 16_000, 10.0).take(burst, 11.0)
    other_splice = Splice(tail, 16_000, 10.0)
    first = other_splice.take(sent[150_000:200_000], 11.0)
    later = other_splice.decide(13.0)

    assert joined is not None
    assert joined.continues
    assert b"".join(data for data, _ in joined.chunks) == sent[100_000:140_000]
    assert first is None
    assert later is not None
    assert not later.continues


def test_clock_follows_the_least_delay_and_finds_missing_sound() -> None:
    clock = RunClock(jump_s=1.0)
    for quarter in range(1, 4 * 120):
        run_ms = 250 * quarter
        late = 0.3 + (quarter % 7) * 0.2 + (8.0 if run_ms > 60_000 else 0.0)
        clock.add(run_ms, run_ms * 16, 1000.0 + run_ms / 1000 + late - 0.3)
        if clock.jump() is not None:
            break

    jump = clock.jump()

    assert jump is not None
    assert 60_000 < jump[0] <= 62_000
    assert abs(clock.at(30_000) - 1030.0) < 0.05


def test_ring_goes_on_where_the_disk_takes_nothing(tmp_path: Path) -> None:
    ring_log = RingLog(tmp_path)
    (tmp_path / "ring").write_text("a file stands where the folder should be")

    end = ring_log.append(b"lost", 1000.0)
    was_failing = ring_log.is_failing
    (tmp_path / "ring").unlink()
    ring_log.append(b"kept", 1001.0)

    assert (end, was_failing, ring_log.is_failing) == (4, True, False)
    assert [e.data for e in ring_log.entries(4)] == [b"kept"]


def test_ogg_names_what_plays() -> None:
    named: list[dict[str, str]] = [{"artist": "Künstler", "title": "Lied"}, {"title": "Lied"}, {}]
    for codec in ("libopus", "flac"):
        titles = []
        for metadata in named:
            sent = io.BytesIO()
            with av.open(sent, "w", format="ogg") as out:
                stream = out.add_stream(codec, rate=48_000, layout="stereo")
                assert isinstance(stream, AudioStream)
                stream.metadata.update({"comment": "x" * 300, **metadata})
                frame = av.AudioFrame.from_ndarray(
                    np.zeros((1, 96_000), np.int16), format="s16", layout="stereo"
                )
                frame.sample_rate = 48_000
                packets = [*stream.encode(frame), *stream.encode(None)]
                out.mux([packet for packet in packets if packet.size])
            links = OggLinks()
            for _part in links.take(sent.getvalue()):
                pass
            titles.append(title_of(links.head))

        assert titles == ["Künstler - Lied", "Lied", ""], codec


@given(st.binary(max_size=400), st.binary(max_size=100))
def test_torn_comments_are_no_title(head: bytes, packet: bytes) -> None:
    page = b"OggS" + bytes(22) + bytes([1, len(packet)]) + packet

    title_of(head)
    for begins in (b"OpusTags", b"\x03vorbis", b"\x04"):
        title_of(page)
        title_of(b"OggS" + bytes(22) + bytes([1, 100]) + begins + packet)
