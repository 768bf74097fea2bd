"""Lists lead to sound as in players, and titles are read as the station wrote them.

Each circumstance was reported in public.
"""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hostile.raw_server import by_path, serving
from plugins.monitoring.streams.recording import causes, playlists
from plugins.monitoring.streams.recording.arrivals import Arrival, Chunk, Closed, Opened
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.connection import Connection
from plugins.monitoring.streams.recording.hls import HlsPlace
from plugins.monitoring.streams.recording.icy import SentTitle, as_title
from plugins.monitoring.streams.recording.pace import Pace

pytestmark = pytest.mark.usefixtures("allowed")

# Pauses are this much shorter, and so is the patience with a server.
RATE = 5.0
SOUND = b"\xff\xfd\x80\x00" * 64
LISTED = "audio/x-mpegurl"
BASE = "http://radio.example/"


def answer(body: str | bytes, *headers: str) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = "\r\n".join(["HTTP/1.0 200 OK", *headers, "", ""]).encode()
    return head + content


def arrivals(answers: dict[str, bytes], *, title_charset: str = "") -> list[Arrival]:
    """Connect to ``/`` of a server, and return what arrives until that ends.

    HERE in an answer is the server's address.
    """
    arrived: list[Arrival] = []
    # The address is known once the server runs; answers are looked up for each request.
    parts: dict[str, bytes] = {}
    with serving(by_path(parts)) as address:
        parts |= {
            path: content.replace(b"HERE", address.encode()) for path, content in answers.items()
        }
        clock = Clock(rate=RATE)
        connection = Connection(
            f"{address}/", clock, HlsPlace(), Pace(clock), title_charset=title_charset
        )
        connection.start()
        try:
            while not arrived or not isinstance(arrived[-1], Closed):
                arrived += connection.arrived()
        finally:
            connection.halt()
    return arrived


def sound_of(arrived: list[Arrival]) -> bytes:
    return b"".join(arrival.data for arrival in arrived if isinstance(arrival, Chunk))


DEAD = "http://127.0.0.1:9/dead"


def test_the_next_mirror_is_tried_when_one_is_dead() -> None:
    for body in [
        f"[playlist]\nNumberOfEntries=2\nFile1={DEAD}\nFile2=HERE/live\nVersion=2\n",
        f"#EXTM3U\n#EXTINF:-1,One\n{DEAD}\n#EXTINF:-1,Two\nHERE/live\n",
        "#EXTM3U\nHERE/gone\nHERE/page\nHERE/live\n",
    ]:
        arrived = arrivals(
            {
                "/": answer(body, f"Content-Type: {LISTED}"),
                "/page": answer("<html>Welcome</html>"),
                "/live": answer(SOUND),
            }
        )

        assert sound_of(arrived) == SOUND, body
        assert arrived[-1].reason == causes.CLOSED, body  # type: ignore[union-attr]  # it is Closed


def test_a_list_of_dead_mirrors_says_why_the_last_one_is() -> None:
    body = f"[playlist]\nFile1={DEAD}\nFile2=HERE/gone\n"

    gone = b"HTTP/1.0 404 Not Found\r\n\r\n"

    (end,) = arrivals({"/": answer(body), "/gone": gone})

    assert isinstance(end, Closed)
    assert "404" in end.reason


def test_lists_of_many_programs_lead_to_sound() -> None:
    for body, kind in [
        ("# Our streams\n\n/live\n", LISTED),
        ("#EXTM3U\n#EXTINF:-1,Ours\nlive\n", "text/plain"),
        ("live\r\n", "application/x-mpegurl; charset=utf-8"),
        ("\ufeff\r\n[playlist]\nfile1 = HERE/live\n", "audio/x-scpls"),
        ("File1=HERE/live\n", "audio/x-scpls"),
        ("; comment\n[playlist]\nFile1=HERE/live\n", "audio/x-scpls"),
        ("[Reference]\r\nRef1=HERE/live?MSWMExt=.asf\r\n", "video/x-ms-asf"),
        (
            '<ASX version="3.0"><Entry><Title>Tom & Jerry</Title>'
            "<REF HREF = HERE/live></Entry></ASX>",
            "video/x-ms-asf",
        ),
        (
            '<asx><entry><ref href="mms://a.example/x"/><ref href="HERE/live"/></entry></asx>',
            "audio/x-ms-wax",
        ),
        (
            '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/">'
            "<trackList><track><location>HERE/live?a=1&amp;b=2</location></track>"
            "</trackList></playlist>",
            "application/xspf+xml",
        ),
    ]:
        answers = {"/": answer(body, f"Content-Type: {kind}")}
        for query in ("", "?MSWMExt=.asf", "?a=1&b=2"):
            answers[f"/live{query}"] = answer(SOUND)

        assert sound_of(arrivals(answers)) == SOUND, body


def test_a_blank_line_before_the_first_tag_is_hls() -> None:
    body = (
        "\r\n#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:5,\nm0.ts\n#EXTINF:5,\nm1.ts\n"
        "#EXTINF:5,\nm2.ts\n#EXT-X-ENDLIST\n"
    )
    parts = {f"/m{number}.ts": answer(b"%d" % number * 188) for number in range(3)}

    arrived = arrivals({"/": answer(body), **parts})

    assert isinstance(arrived[0], Opened)
    assert arrived[0].is_hls
    assert sound_of(arrived) == b"0" * 188 + b"1" * 188 + b"2" * 188


def test_a_server_that_packs_all_it_sends_is_heard() -> None:
    packed = "Content-Encoding: gzip"
    body = (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:5,\nm0.ts\n#EXT-X-ENDLIST\n"
    )
    sound, playlist = b"0" * 188, gzip.compress(body.encode())
    part = answer(gzip.compress(sound), packed)

    for headers in ([packed], []):
        arrived = arrivals({"/": answer(playlist, *headers), "/m0.ts": part})
        assert sound_of(arrived) == sound, headers
    data = answer(gzip.compress(b"#EXTM3U\nlive\n"), packed, "Content-Type: text/plain")
    live = answer(gzip.compress(SOUND), packed)
    assert sound_of(arrivals({"/": data, "/live": live})) == SOUND


AUDIO = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="{name}",{more}\n'
DESCRIBED = 'CHARACTERISTICS="public.accessibility.describes-video"'
VARIANT = '#EXT-X-STREAM-INF:BANDWIDTH=128000,AUDIO="a"\nvariant.m3u8\n'


def test_the_sound_that_players_choose_is_heard() -> None:
    for renditions, chosen in [
        (['URI="first.m3u8"', 'DEFAULT=YES,URI="main.m3u8"'], "main.m3u8"),
        (['URI="first.m3u8"', 'AUTOSELECT=YES,URI="main.m3u8"'], "main.m3u8"),
        ([f'AUTOSELECT=YES,{DESCRIBED},URI="d.m3u8"', 'URI="m.m3u8"'], "m.m3u8"),
        ([f'DEFAULT=YES,{DESCRIBED},URI="d.m3u8"', 'URI="m.m3u8"'], "m.m3u8"),
        (['URI="other.m3u8"', "DEFAULT=YES,AUTOSELECT=YES"], "variant.m3u8"),
        (['URI="first.m3u8"', 'URI="second.m3u8"'], "first.m3u8"),
        ([], "variant.m3u8"),
    ]:
        media = [
            AUDIO.format(name=f"{n}", more=rendition) for n, rendition in enumerate(renditions)
        ]

        text = f"#EXTM3U\n{''.join(media)}{VARIANT}"

        assert playlists.leanest(text, BASE) == BASE + chosen, chosen


@given(st.text('<>="#[]\n /aref hRlocation:.pxsf&;', max_size=300))
def test_any_list_ends_in_addresses(text: str) -> None:
    assert isinstance(playlists.is_list(text.encode(), LISTED), bool)
    assert all(url.startswith("http") for url in playlists.entries(text, BASE))


def test_sound_is_no_list_whatever_its_type_says() -> None:
    for beginning in [SOUND, b"OggS\0\2", b"ID3\4\0", b"fLaC\0\0\0\x22", b"G@\x11\x10"]:
        assert not playlists.is_list(beginning, LISTED), beginning


def test_a_list_of_tags_without_addresses_costs_little() -> None:
    for line in ["<ref ", "<ref href", "<location>", "<ref href="]:
        text = "<asx>" + line * (playlists.MAX_PLAYLIST // len(line))

        assert playlists.entries(text, BASE) == [], line


# Titles


def titled(raw: bytes, end: bytes = b"';") -> bytes:
    """Return an answer whose server sends one title after a stretch of sound."""
    block = b"StreamTitle='" + raw + end
    size = -(-len(block) // 16)
    return answer(SOUND + bytes([size]) + block.ljust(16 * size, b"\0"), "icy-metaint: 256")


def test_a_title_is_read_in_the_encoding_it_was_sent_in() -> None:
    for title, sent_in, charset in [
        ("Кино - Группа крови", "windows-1251", ""),
        ("Кино - Группа крови", "windows-1251", "windows-1251"),
        ("КИНО - Я", "koi8-r", "koi8-r"),
        ("Dawid Podsiadło - Małomiasteczkowy", "windows-1250", ""),
        ("Tarkan - Şımarık", "windows-1254", "windows-1254"),
        ("Beyoncé - Déjà vu", "latin-1", ""),
        ("Beyoncé – Déjà vu", "utf-8", ""),
    ]:
        arrived = arrivals({"/": titled(title.encode(sent_in))}, title_charset=charset)

        assert [arrival.text for arrival in arrived if isinstance(arrival, SentTitle)] == [title], (
            title
        )


def test_a_title_ends_where_the_server_ends_it() -> None:
    for end in [b"'", b"';", b"'; ", b"';StreamUrl='';"]:
        arrived = arrivals({"/": titled(b"Guns N' Roses - Don't Cry; 'Live'", end)})

        assert [arrival.text for arrival in arrived if isinstance(arrival, SentTitle)] == [
            "Guns N' Roses - Don't Cry; 'Live'"
        ], end


def test_attributes_of_a_network_are_no_title() -> None:
    for sent, title in [
        ("THE WEEKND &amp; KENDRICK LAMAR - X", "THE WEEKND & KENDRICK LAMAR - X"),
        ("Don&#8217;t &#353; &nosuch; AT&T", "Don’t š &nosuch; AT&T"),
        (
            'Beatles - text="This Boy" song_spot="M" MediaBaseId="25" '
            'itunesTrackId="0" length="00:02:13"',
            "Beatles - This Boy",
        ),
        ('text="Say So" song_spot="M" MediaBaseId="2546146"', "Say So"),
        (' - text="News Sweep 5" song_spot="T" length="00:00:08"', "News Sweep 5"),
        (
            'title="18 And Life",artist="SKID ROW",url="song_spot="F" TPID="0""',
            "SKID ROW - 18 And Life",
        ),
        ('title="",artist="",url="song_spot="T""', ""),
        ('Prince - text="me"', 'Prince - text="me"'),
        ("AC/DC - Thunderstruck", "AC/DC - Thunderstruck"),
    ]:
        assert as_title(sent) == title, sent


@given(st.text('song_spot="M" text=artist,-', max_size=100))
def test_any_title_is_one_line(text: str) -> None:
    assert "\n" not in as_title(text)
