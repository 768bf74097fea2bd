"""A real Icecast server on 127.0.0.1, with FFmpeg as its source client."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from xml.sax.saxutils import escape

import pytest
import requests

ICECAST: Final = shutil.which("icecast2") or shutil.which("icecast")
FFMPEG: Final = shutil.which("ffmpeg")
PASSWORD: Final = "of-this-test"
PATIENCE_S: Final = 15.0
# Where the server's own pages lie.
SHARED: Final = ("/usr/share/icecast2", "/usr/share/icecast")
CODECS: Final = {
    ".mp3": ("audio/mpeg", "mp3", "libmp3lame"),
    ".aac": ("audio/aac", "adts", "aac"),
    ".ogg": ("application/ogg", "ogg", "libvorbis"),
    ".opus": ("application/ogg", "ogg", "libopus"),
}
"""The type, FFmpeg's format and its encoder, by the ending of a mount."""

needs_icecast = pytest.mark.skipif(
    ICECAST is None or FFMPEG is None, reason="needs icecast2 and ffmpeg"
)

_CONFIG: Final = """<icecast>
  <hostname>localhost</hostname>
  <limits>
    <clients>20</clients><sources>6</sources><burst-size>65536</burst-size>
    <source-timeout>4</source-timeout>
  </limits>
  <authentication>
    <source-password>{password}</source-password>
    <admin-user>admin</admin-user><admin-password>{password}</admin-password>
  </authentication>
  <listen-socket>
    <port>{port}</port><bind-address>127.0.0.1</bind-address>
  </listen-socket>
  {mounts}
  <paths>
    <logdir>{folder}</logdir>
    <webroot>{shared}/web</webroot><adminroot>{shared}/admin</adminroot>
  </paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>2</loglevel></logging>
  <security>
    <chroot>0</chroot>
    {owner}
  </security>
</icecast>
"""
# Icecast refuses to run as root.
_OWNER: Final = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"


class Icecast:
    """The server; a context manager that ends it and its source clients.

    ``mounts`` is XML of the configuration.
    """

    def __init__(self, mounts: str = "") -> None:
        self.port = _free_port()
        self._mounts = mounts
        self._folder = Path(tempfile.mkdtemp(prefix="icecast-"))
        self._server: subprocess.Popen[bytes] | None = None
        self._sources: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        shared = next(place for place in SHARED if Path(place).is_dir())
        config = _CONFIG.format(
            password=PASSWORD,
            port=self.port,
            mounts=self._mounts,
            folder=escape(str(self._folder)),
            shared=shared,
            owner=_OWNER if os.geteuid() == 0 else "",
        )
        (self._folder / "icecast.xml").write_text(config)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for source in self._sources:
            _end(source)
        self.kill()
        shutil.rmtree(self._folder)

    def address(self, mount: str) -> str:
        return f"http://127.0.0.1:{self.port}{mount}"

    def start(self) -> None:
        assert ICECAST is not None
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [ICECAST, "-c", str(self._folder / "icecast.xml")], stdout=log, stderr=log
            )
        wait_until(self._answers)

    def kill(self) -> None:
        if self._server is not None:
            _end(self._server)
            self._server = None

    def play(
        self, sound: Path, mount: str, *, rate: float = 1.0, title: str = ""
    ) -> subprocess.Popen[bytes]:
        """Send a file to a mount, ``rate`` times as fast as it plays, and return the client.

        Sound of the mount's own kind is sent as it is.
        """
        content_type, container, codec = CODECS[Path(mount).suffix]
        is_ready = sound.suffix == Path(mount).suffix
        assert FFMPEG is not None
        named = ["-metadata", f"title={title}"] if title else []
        source = subprocess.Popen(
            [
                *(FFMPEG, "-nostdin", "-loglevel", "error", "-readrate", str(rate)),
                *("-i", str(sound), "-map", "0:a"),
                *("-map_metadata", "-1", "-map_metadata:s:a", "-1", *named),
                *("-c:a", "copy" if is_ready else codec, "-b:a", "128k"),
                *("-id3v2_version", "0", "-write_xing", "0")[: 4 if container == "mp3" else 0],
                *(("-page_duration", "200000") if container == "ogg" else ()),
                *("-content_type", content_type, "-f", container),
                f"icecast://source:{PASSWORD}@127.0.0.1:{self.port}{mount}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._sources.append(source)
        wait_until(lambda: self._has(mount))
        return source

    def stop(self, source: subprocess.Popen[bytes], mount: str) -> None:
        """End a source client, and wait until its mount is gone."""
        _end(source)
        wait_until(lambda: not self._has(mount))

    def title(self, mount: str, text: str) -> None:
        """Change the title of a mount, as a studio's software does."""
        response = requests.get(
            self.address("/admin/metadata"),
            params={"mount": mount, "mode": "updinfo", "song": text, "charset": "UTF-8"},
            auth=("admin", PASSWORD),
            timeout=PATIENCE_S,
        )
        response.raise_for_status()
        assert "successful" in response.text

    def _answers(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(self.address("/status-json.xsl"), timeout=1).ok
        return False

    def _has(self, mount: str) -> bool:
        with suppress(requests.RequestException):
            status = requests.get(
                self.address("/admin/listmounts"), auth=("admin", PASSWORD), timeout=1
            )
            return f'mount="{mount}"' in status.text
        return False


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
