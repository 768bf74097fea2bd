"""Links to a playlist are distinguished from links to sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.common.exchanges import LiveStream
from base.common.media_links import PlaylistFound, download_media

_PIECES = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n"
_QUALITIES = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/low.m3u8\n"


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    """Let fetches reach this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


def test_a_playlist_without_an_end_is_a_live_stream_and_others_are_told(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    ended = f"{_PIECES}#EXT-X-ENDLIST\n"
    cases: tuple[tuple[str, str, type[Exception]], ...] = (
        (_PIECES, "", LiveStream),
        (f"\ufeff{_PIECES}", "", LiveStream),
        (_QUALITIES, _PIECES, LiveStream),
        (ended, ended, PlaylistFound),
        ("#EXTM3U\nhttp://a.example/x\n", ended, PlaylistFound),
        (_QUALITIES, ended, PlaylistFound),
        (_QUALITIES.replace("/low", "http://[bad"), ended, PlaylistFound),
    )
    for text, low, case in cases:
        httpserver.clear()
        httpserver.expect_request("/a.m3u8").respond_with_data(text)
        httpserver.expect_request("/low.m3u8").respond_with_data(low)
        address = httpserver.url_for("/a.m3u8")
        with pytest.raises(case):
            download_media(address, tmp_path / "a", max_bytes=1000)


def test_sound_stays(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(b"RIFF", content_type="audio/wav")

    message = download_media(httpserver.url_for("/a"), tmp_path / "a", max_bytes=1000)

    assert (message, (tmp_path / "a").read_bytes()) == ("audio/wav", b"RIFF")
