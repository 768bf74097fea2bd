"""Links to a playlist are distinguished from links to sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from common.http import LiveStream
from common.media_links import PlaylistFound, download_media

_PIECES = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n"
_QUALITIES = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/low.m3u8\n"


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    """Let fetches reach this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_playlist_without_an_end_is_a_live_stream(
    httpserver: HTTPServer, tmp_path: Path, start: str
) -> None:
    httpserver.expect_request("/a.m3u8").respond_with_data(start + _PIECES)

    with pytest.raises(LiveStream):
        download_media(httpserver.url_for("/a.m3u8"), tmp_path / "a", max_bytes=1000)


def test_qualities_of_a_live_stream_are_one_too(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/a.m3u8").respond_with_data(_QUALITIES)
    httpserver.expect_request("/low.m3u8").respond_with_data(_PIECES)

    with pytest.raises(LiveStream):
        download_media(httpserver.url_for("/a.m3u8"), tmp_path / "a", max_bytes=1000)


@pytest.mark.parametrize(
    "text",
    [
        f"{_PIECES}#EXT-X-ENDLIST\n",
        "#EXTM3U\nhttp://a.example/x\n",
        _QUALITIES,
        _QUALITIES.replace("/low", "http://[bad"),
    ],
)
def test_other_playlists_are_told(
    httpserver: HTTPServer, tmp_path: Path, text: str
) -> None:
    httpserver.expect_request("/a.m3u8").respond_with_data(text)
    ended = f"{_PIECES}#EXT-X-ENDLIST\n"
    httpserver.expect_request("/low.m3u8").respond_with_data(ended)

    with pytest.raises(PlaylistFound):
        download_media(httpserver.url_for("/a.m3u8"), tmp_path / "a", max_bytes=1000)


def test_sound_stays(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(b"RIFF", content_type="audio/wav")

    told = download_media(httpserver.url_for("/a"), tmp_path / "a", max_bytes=1000)

    assert (told, (tmp_path / "a").read_bytes()) == ("audio/wav", b"RIFF")
