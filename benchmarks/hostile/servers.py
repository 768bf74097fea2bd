"""Feeds playlists and headers of strangers' servers to the links and other readers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.corpus import DEMO
from benchmarks.hostile.feeding import Feeding, feed_each, make_rng, mutated
from benchmarks.hostile.raw_server import serving
from benchmarks.report import Report

_WALL_S: Final = 60.0
_MAX_BYTES: Final = 1 << 20

_LISTS: Final = (
    '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=96000,AUDIO="a"\na.m3u8\n'
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="a.m3u8"\n',
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7\n"
    '#EXT-X-MAP:URI="head",BYTERANGE="100@0"\n#EXTINF:1,\na\n#EXT-X-DISCONTINUITY\n'
    "#EXTINF:1,\n#EXT-X-BYTERANGE:200@50\nb\n#EXT-X-GAP\n#EXTINF:1,\nc\n",
    "#EXTM3U\n#EXTINF:-1,Radio\na\n/b\n",
    "[playlist]\nNumberOfEntries=2\nFile1=a\nTitle1=Radio\nFile2=/b\n",
)
_PARTS: Final = (
    *("http://[bad", "//", "ftp://x/", "http://\ud7ff/", "9" * 5000, "-1", "1e999"),
    *("A" * 50_000, "\0", '"', "\n" * 9, "#EXT-X-ENDLIST\n", "#EXT-X-KEY:METHOD=X\n"),
    *("nan", "@", "File1=", "#EXT-X-BYTERANGE:", "%00", "http://u:p@127.0.0.1/", "٣"),
)
_HEADERS: Final = (
    *("icy-metaint", "Content-Length", "Content-Type", "Content-Range", "Location"),
    *("Transfer-Encoding", "Content-Encoding", "Set-Cookie", "Connection", "X" * 3000),
)
_VALUES: Final = (
    *("", "0", "1", "-1", "256", "16000", "9" * 5000, "chunked", "gzip", "gzip," * 30),
    *("a", "/b", "http://[bad", "//", "text/html", "bytes 0-1/2", "close", "\0\x07"),
)
_STATUS: Final = (
    *("HTTP/1.1 200 OK", "HTTP/1.0 206 Partial", "ICY 200 OK", "HTTP/1.1 302 Found"),
    *("HTTP/1.1 404 \0\x07", "ICY", "ICY 99999", "HTTP/9.9", "HTTP/1.1 100 Go on", ""),
)


# Others that read from an address, by name; plug-ins add theirs in ``registered_hostile``
# of their tests. They return the outcome, and the fault if there was one.
MORE: dict[str, Callable[[str], tuple[str, str]]] = {}


def feed(report: Report, feeding: Feeding) -> None:
    """Feed the answers of servers to links and to the readers of plug-ins in turn."""
    from django.test.utils import override_settings

    from tests.registered import import_all

    import_all("registered_hostile")
    readers = list(MORE.values())

    sound = (DEMO / "castle.opus").read_bytes()[:20_000]

    def answer(path: str) -> bytes:
        # The rest of a path is what a list or a redirect names.
        return _answer(make_rng(feeding.seed, "server", path), sound)

    def read_one(number: int) -> tuple[str, str]:
        url = f"{address}/{number}/"
        which = number % (len(readers) + 1)
        if which:
            return readers[which - 1](url)
        return _fetched(url, feeding.work / f"link-{number}")

    allowed = override_settings(ACRPORTAL_ALLOW_PRIVATE_ADDRESSES=True)
    with allowed, serving(answer) as address:
        feed_each(report, feeding, read_one, noun="answers", wall_s=_WALL_S)


def _answer(rng: random.Random, sound: bytes) -> bytes:
    """Return what one address answers: often almost right."""
    status = rng.choice(_STATUS) if rng.random() < 0.3 else _STATUS[0]
    headers = [
        f"{rng.choice(_HEADERS)}: {rng.choice(_VALUES)}"
        for _ in range(rng.choice((0, 0, 1, 2, 150)))
    ]
    head = "\r\n".join([status, *headers, "", ""]).encode("utf-8", "replace")
    body = sound if rng.random() < 0.4 else _list(rng)
    return head + (mutated(body, rng) if rng.random() < 0.4 else body)


def _list(rng: random.Random) -> bytes:
    text = rng.choice(_LISTS)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(_PARTS) + text[at + rng.randrange(6) :]
    return text.encode("utf-8", "replace")


def _fetched(url: str, target: Path) -> tuple[str, str]:
    """Fetch as a link is fetched; return the outcome, or the fault."""
    from base.common.exchanges import FetchFailed, LinkRefused, TooLarge
    from base.common.media_links import download_media

    try:
        download_media(url, target, max_bytes=_MAX_BYTES)
    except (FetchFailed, LinkRefused, TooLarge) as refused:
        return f"link: {type(refused).__name__}", ""
    except Exception as error:  # noqa: BLE001 - any other exception is the fault
        return "", f"{type(error).__name__}: {error}"
    finally:
        target.unlink(missing_ok=True)
    return "link: fetched", ""
