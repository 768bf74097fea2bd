"""Fetches links to media files, and recognises playlists."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urljoin

from django.utils.translation import gettext as _

from base.common.exchanges import FetchFailed, LiveStream, TooLarge
from base.common.http import download
from base.common.packed import unpacked

_PLAYLIST = b"#EXTM3U"
_PLAYLIST_BYTES = 2 * 1024**2
_PLAYLIST_SECONDS = 20.0


class PlaylistFound(FetchFailed):
    """The link leads to a playlist instead of audio."""


def download_media(
    url: str, target: Path, *, max_bytes: int, progress: Callable[[float], None] | None = None
) -> str:
    """Fetch a media file into ``target``; return the response's content type.

    Raises as ``download`` does, and ``PlaylistFound`` or ``LiveStream`` for a playlist.
    """
    content_type = download(url, target, max_bytes=max_bytes, progress=progress)
    text = _playlist_text(target)
    if text is None:
        return content_type
    if _is_live(text) or any(_is_live(variant) for variant in _variant(url, text)):
        raise LiveStream(_("its playlist has no end"))
    raise PlaylistFound(_("it is a playlist"))


def _playlist_text(path: Path) -> str | None:
    with path.open("rb") as file:
        try:
            content = unpacked(file.read(_PLAYLIST_BYTES), most=_PLAYLIST_BYTES)
        except TooLarge:
            return None
    if not content.removeprefix(b"\xef\xbb\xbf").startswith(_PLAYLIST):
        return None
    return content.decode("utf-8", "replace")


def _is_live(text: str) -> bool:
    """Tell whether a media playlist may still grow (RFC 8216, 4.3.3)."""
    return "#EXT-X-TARGETDURATION" in text and "#EXT-X-ENDLIST" not in text


def _variant(url: str, text: str) -> list[str]:
    """Return the first media playlist of a master playlist, if it can be fetched."""
    lines = [line.strip() for line in text.splitlines()]
    address = next(
        (
            after
            for line, after in pairwise(lines)
            if line.startswith("#EXT-X-STREAM-INF") and after and after[0] != "#"
        ),
        "",
    )
    if not address:
        return []
    try:
        variant = urljoin(url, address)
    except ValueError:  # no address, such as http://[bad
        return []
    with TemporaryDirectory() as folder:
        target = Path(folder) / "playlist"
        try:
            download(variant, target, max_bytes=_PLAYLIST_BYTES, max_seconds=_PLAYLIST_SECONDS)
        except (FetchFailed, TooLarge):
            return []
        return [_playlist_text(target) or ""]
