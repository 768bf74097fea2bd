"""The link reader reaches only public addresses, through the portal's proxy."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from yt_dlp import YoutubeDL

from base.common import guarded_proxy, http
from base.common.exchanges import FetchFailed, LinkRefused
from scanning.sources import confined_reader, feeds, link_reader, platform_page
from scanning.sources.link_faults import LinkFault
from tests.processes import python
from tests.scanning.url_patterns import can_begin

_PRESENTATION = "0123456789abcdef0123456789abcdef"
_BEGINNINGS = (*("https://qzv7h3k9w2.example/", "http://10.1.2.3/", "http://10.1.2.3:8080/"),)


@pytest.fixture
def platform(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """Return the server behind every public name; addresses resolve to themselves."""

    def connect(host: str, port: int) -> socket.socket:
        if host.split(".")[-1].isalpha() and host != "localhost":
            return socket.create_connection(("127.0.0.1", httpserver.port))
        return http.connect_guarded(host, port)

    monkeypatch.setattr(guarded_proxy, "connect_guarded", connect)
    return httpserver


def test_no_reader_in_use_accepts_any_host() -> None:
    options = {"allowed_extractors": link_reader.READERS.split(","), "quiet": True}
    with YoutubeDL(options) as reader:
        readers = dict(reader._ies)

    accept_any_host = [
        name
        for name, reader in readers.items()
        for pattern in _patterns(reader._VALID_URL)
        if any(can_begin(pattern, beginning) for beginning in _BEGINNINGS)
    ]

    assert len(readers) > 1000
    assert {"Youtube", "Bandcamp", "Soundcloud"} <= readers.keys()
    assert accept_any_host == []


def _patterns(message: object) -> list[str]:
    """Return a reader's patterns; readers that only read embeds have none."""
    if isinstance(message, str):
        return [message]
    return [str(argument) for argument in message] if isinstance(message, list | tuple) else []


def test_patterns_that_accept_any_host_are_known() -> None:
    cases: list[tuple[str, bool]] = [
        (r"https?://(?:www\.)?a\.example/(?P<id>\d+)", False),
        (r"https?://[^/]+\.a\.example/x", False),
        (r"https?://[^/]+/Mediasite/Play/(?P<id>\w+)", True),
        (r"(?xi) https?:// [^/]+ /Play", True),
        (r"https?://.+?\.a\.example/x", True),
        (r"https?://(?:.+?\.)?a\.example/x", True),
        (r"https?://(?!www)[\w.-]+/x", True),
        (r"prefix:\d+", False),
    ]
    for pattern, accepts in cases:
        assert can_begin(pattern, _BEGINNINGS[0]) is accepts, pattern


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:{{}}/Mediasite/Play/{_PRESENTATION}",
        "http://127.0.0.1:{}/x.lemonde.fr/x.html",
        "http://127.0.0.1:{}?x.bandcamp.com/track/x",
        "http://127.0.0.1:{}#x.bandcamp.com/track/x",
        "http://localhost:{}/x.bandcamp.com/track/x",
        "http://[::1]:{}/x.bandcamp.com/track/x",
    ],
)
def test_addresses_that_look_like_a_platform_are_not_asked(
    httpserver: HTTPServer, tmp_path: Path, address: str
) -> None:
    with pytest.raises(FetchFailed, match="has no audio"):
        platform_page.fetch(address.format(httpserver.port), tmp_path, progress=lambda _share: None)

    assert not httpserver.log


def test_a_catalogue_that_looks_like_a_platform_is_not_listed(httpserver: HTTPServer) -> None:
    url = f"http://127.0.0.1:{httpserver.port}/Mediasite/Catalog/catalogs/x"

    with pytest.raises(FetchFailed, match="has no audio"):
        feeds._ask_reader(url)

    assert not httpserver.log


def test_audio_of_a_platform_comes_through_the_proxy(platform: HTTPServer, tmp_path: Path) -> None:
    platform.expect_request("/tapes/4728").respond_with_data(
        '<meta property="og:title" content="A tape"><p class="tapeId">GP</p>'
    )
    platform.expect_request("/video/GP_4728_web.mov").respond_with_data(b"sound")

    page = platform_page.fetch(
        "http://www.historicfilms.com/tapes/4728", tmp_path, progress=lambda _share: None
    )

    assert page.path.read_bytes() == b"sound"
    assert (page.title, page.platform) == ("A tape", "historicfilms")


def _page_with_audio_at(platform: HTTPServer, address: str) -> None:
    answer = json.dumps({"mediaUrl": address, "duration": 5})
    platform.expect_request("/GLT1").respond_with_data(
        '<meta property="og:audio:title" content="An episode">'
        f'<meta property="og:audio:artist" content="A"><script>var episode = {answer};</script>'
    )


def test_a_platform_that_names_an_internal_address_is_told_so(
    platform: HTTPServer, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{platform.port}/secret"
    _page_with_audio_at(platform, address)
    platform.expect_request("/secret").respond_with_data("secret")

    with pytest.raises(LinkRefused, match="private or local"):
        platform_page.fetch(
            "http://player.megaphone.fm/GLT1", tmp_path, progress=lambda _share: None
        )

    assert [request.path for request, _ in platform.log] == ["/GLT1"]
    assert not list(tmp_path.glob("platform.*"))


def test_a_platform_that_redirects_to_an_internal_address_is_told_so(
    platform: HTTPServer, tmp_path: Path
) -> None:
    _page_with_audio_at(platform, "http://cdn.example/a.mp3")
    platform.expect_request("/a.mp3").respond_with_data(
        status=302, headers={"Location": f"http://127.0.0.1:{platform.port}/secret"}
    )
    platform.expect_request("/secret").respond_with_data("secret")

    with pytest.raises(LinkRefused, match="private or local"):
        platform_page.fetch(
            "http://player.megaphone.fm/GLT1", tmp_path, progress=lambda _share: None
        )

    assert "/secret" not in [request.path for request, _ in platform.log]


def test_a_live_stream_of_a_platform_is_refused_at_once(
    platform: HTTPServer, tmp_path: Path
) -> None:
    address = "uggc://pqa.rknzcyr/yvir.z3h8"  # the site encodes it in ROT13
    platform.expect_request("/").respond_with_data(
        f'<h1>A square</h1><div data-src="{address}"></div>'
    )
    platform.expect_request("/live.m3u8").respond_with_data(
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n"
    )

    with pytest.raises(platform_page.PageFailed) as refused:
        platform_page.fetch("http://square.webcamera.pl/", tmp_path, progress=lambda _share: None)

    assert refused.value.kind is LinkFault.LIVE
    assert "/1.ts" not in [request.path for request, _ in platform.log]


def _reader(folder: Path, script: str) -> str:
    """Write a program that acts as an operator's own reader."""
    program = folder / "own-reader"
    program.write_text(f"#!{sys.executable}\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


_CONNECT = (
    "import socket\n"
    "try:\n"
    "    socket.create_connection(('127.0.0.1', {port}), timeout=5)\n"
    "    print('connected')\n"
    "except PermissionError:\n"
    "    print('denied')\n"
)


def _kernel_confines() -> bool:
    script = (
        "import runpy, sys; "
        f"own = runpy.run_path({confined_reader.__file__!r}); "
        "sys.exit(not own['connect_only_to'](9))"
    )
    return subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_program_of_the_operator_reaches_the_proxy_alone(
    httpserver: HTTPServer, settings: Settings, tmp_path: Path
) -> None:
    if not _kernel_confines():
        pytest.skip("this kernel cannot limit connections (Landlock 4)")
    script = _CONNECT.format(port=httpserver.port) + (
        "import os\n"
        "from urllib.parse import urlsplit\n"
        "proxy = urlsplit(os.environ['https_proxy'])\n"
        "socket.create_connection((proxy.hostname, proxy.port), timeout=5)\n"
        "print('proxy', proxy.username)\n"
    )
    settings.ACRPORTAL_YTDLP_COMMAND = _reader(tmp_path, script)

    answer = link_reader.read("http://a.example/", [], tmp_path, max_seconds=20)

    assert answer.output.splitlines() == ["denied", "proxy acrportal"]


def test_the_bundled_reader_has_no_other_way_out_on_any_kernel(httpserver: HTTPServer) -> None:
    attempts = (
        "socket.create_connection(('127.0.0.1', {port}), timeout=5)",
        "socket.socket().connect_ex(('127.0.0.1', {port}))",
        "socket.getaddrinfo('a.example', 80)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
        "__import__('subprocess').run(['true'])",
        "__import__('os').system('true')",
        "__import__('os').posix_spawn('/bin/true', ['true'], dict())",
        "__import__('os').fork()",
    )
    script = (
        "import runpy, socket\n"
        f"own = runpy.run_path({confined_reader.__file__!r})\n"
        "own['guard_python'](9)\n"
    )
    for attempt in attempts:
        script += (
            "try:\n"
            f"    {attempt.format(port=httpserver.port)}\n"
            f"    print({attempt!r})\n"
            "except PermissionError:\n"
            "    print('denied')\n"
        )

    done = python("-c", script)

    assert done.stdout.splitlines() == ["denied"] * len(attempts), done.stderr


def test_the_reader_gets_the_secret_of_the_proxy_where_nobody_sees_it(
    settings: Settings, tmp_path: Path
) -> None:
    script = (
        "import os, sys\n"
        "secret = os.environ['all_proxy'].split(':')[2].split('@')[0]\n"
        "print(len(secret) > 30, any(secret in one for one in sys.argv))\n"
    )
    settings.ACRPORTAL_YTDLP_COMMAND = _reader(tmp_path, script)

    answer = link_reader.read("http://a.example/", [], tmp_path, max_seconds=20)

    assert answer.output == "True False\n"
