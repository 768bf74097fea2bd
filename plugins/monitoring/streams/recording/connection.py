"""One connection to one address, read by a thread of its own.

What arrives goes into a queue, with the time of its arrival. Reads pause for a quarter
of a second, since a wake-up costs more than the bytes that it brings.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import thread_time
from typing import Final, TypeVar

from base.common import http
from base.common.http import LiveBody
from base.common.packed import GZIP, unpacked
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.recording import causes, hls, icy, ogg, playlists
from plugins.monitoring.streams.recording.arrivals import Arrival, Chunk, Closed, Halted, Opened
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.icy import IcyReader, SentTitle
from plugins.monitoring.streams.recording.ogg import OggLinks
from plugins.monitoring.streams.recording.pace import REQUEST_BYTES, Pace
from plugins.monitoring.streams.recording.playlists import BadPlaylist
from recognition.audio.ogg import CAPTURE

PAUSE_S: Final = 0.25
READ_BYTES: Final = 1 << 16
QUEUED: Final = 256
QUEUED_BYTES: Final = 64 << 20
TICK_S: Final = 0.25
FIRST_BYTE_S: Final = 30.0
MAX_LISTS: Final = 3
MINUTE_S: Final = 60.0
WHITE: Final = b"\xef\xbb\xbf \r\n\t"

Read = TypeVar("Read")


class Connection:
    """Reads an address until it ends, or until ``halt``."""

    def __init__(
        self, url: str, clock: Clock, place: hls.HlsPlace, pace: Pace, *, title_charset: str = ""
    ) -> None:
        self._url = url
        self._title_charset = title_charset
        self._clock = clock
        self._place = place
        self._pace = pace
        self._halt = threading.Event()
        self._body: LiveBody | None = None
        self._head = b""
        self._has_opened = False
        self._entries_left = playlists.MAX_ENTRIES
        self._arrivals: queue.Queue[Arrival] = queue.Queue(QUEUED)
        # Each is written by one thread only.
        self._put_bytes = self._taken_bytes = 0
        self._thread = threading.Thread(target=self._run, name="stream-network", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def halt(self) -> None:
        """End it; the thread may live on for as long as a name takes to resolve."""
        self._halt.set()
        body = self._body
        if body is not None:
            body.stop()

    def arrived(self) -> Iterator[Arrival]:
        """Yield what has arrived; wait a moment if that is nothing."""
        try:
            arrival = self._arrivals.get(timeout=self._clock.real(TICK_S))
            while True:
                self._taken_bytes += _size_of(arrival)
                yield arrival
                arrival = self._arrivals.get_nowait()
        except queue.Empty:
            return

    # For what reads on behalf of this connection.

    def put(self, arrival: Arrival) -> None:
        """Hand over what arrived. Raises ``Halted``."""
        self._has_opened = self._has_opened or isinstance(arrival, Opened)
        size = _size_of(arrival)
        while self._put_bytes + size - self._taken_bytes > QUEUED_BYTES:
            self.pause(TICK_S)
        self._put_bytes += size
        while not self._halt.is_set():
            try:
                self._arrivals.put(arrival, timeout=1.0)
            except queue.Full:
                continue
            return
        raise Halted

    def keep_pace(self, received: int) -> None:
        """Wait until more than these bytes may be read. Raises ``Halted``."""
        self._pace.receive(received)
        while (wait_s := self._pace.hold_s()) > 0:
            self.pause(min(wait_s, 1.0))

    def parse(self, read: Callable[[str, str], Read], text: str, url: str) -> Read:
        """Read a playlist, as seldom as its cost demands. Raises ``Halted``."""
        self.keep_pace(0)
        begun = thread_time()
        try:
            return read(text, url)
        finally:
            self._pace.work(thread_time() - begun)

    def pause(self, seconds: float) -> None:
        """Wait. Raises ``Halted``."""
        if self._halt.wait(self._clock.real(seconds)):
            raise Halted

    def now(self) -> float:
        """Return UTC in seconds since 1970."""
        return self._clock.utc().timestamp()

    def fetch(self, part: playlists.ListedPart, max_bytes: int) -> tuple[str, bytes]:
        """Fetch something that ends; return where it was, and its bytes."""
        headers = {}
        if part.range is not None:
            headers["Range"] = f"bytes={part.range[0]}-{part.range[1] - 1}"
        with http.opened(
            part.url,
            headers=headers,
            first_byte_seconds=self._clock.real(FIRST_BYTE_S),
            quiet_seconds=self._clock.real(FIRST_BYTE_S),
        ) as body:
            self._hold(body)
            data = body.read_all(max_bytes, seconds=self._clock.real(MINUTE_S))
            where = body.url
        self.keep_pace(max(REQUEST_BYTES, len(data)))
        data = unpacked(data, most=max_bytes)
        if part.range is not None and len(data) > part.range[1] - part.range[0]:
            data = data[part.range[0] : part.range[1]]
        return where, data

    def _run(self) -> None:
        closed = Closed(GapCause.CONNECTION, "")
        try:
            closed = Closed(GapCause.CONNECTION, self._read(self._url, MAX_LISTS))
        except Halted:
            return
        except (http.LinkRefused, http.FetchFailed) as error:
            closed = Closed(GapCause.CONNECTION, causes.of_connection(error))
        except http.TooLarge:
            closed = Closed(GapCause.CONNECTION, causes.TOO_MUCH)
        except BadPlaylist as error:
            closed = Closed(GapCause.NO_AUDIO, str(error))
        except Exception as error:
            # The recorder must learn that nobody reads any more.
            closed = Closed(GapCause.RECORDER, f"{type(error).__name__}: {error}")
            raise
        finally:
            with suppress(Halted):
                self.put(closed)

    def _read(self, url: str, lists_left: int) -> str:
        """Read an address; return why it ended."""
        with http.opened(
            url,
            headers={"Icy-MetaData": "1"},
            first_byte_seconds=self._clock.real(FIRST_BYTE_S),
            quiet_seconds=max(0.5, self._clock.real(MINUTE_S)),
        ) as body:
            self._hold(body)
            first = body.read(READ_BYTES)
            kind = body.headers.get("content-type", "")
            if not first.startswith(GZIP) and not playlists.is_list(first, kind):
                if first.lstrip(WHITE).startswith(b"<"):
                    raise BadPlaylist(causes.A_PAGE)
                return self._read_sound(body, first)
            remainder = body.read_all(
                playlists.MAX_PLAYLIST, seconds=self._clock.real(FIRST_BYTE_S)
            )
            base = body.url
        content = unpacked(first + remainder, most=playlists.MAX_PLAYLIST)
        text = content.decode("utf-8", "replace")
        if playlists.is_hls(text):
            return hls.follow(self, base, text, self._place)
        if lists_left == 0:
            raise BadPlaylist(causes.LISTS_OF_LISTS)
        addresses = self.parse(playlists.entries, text, base)
        if not addresses:
            raise BadPlaylist(causes.EMPTY_LIST)
        # Read the first of several addresses that answers with sound.
        for url in addresses:
            self._entries_left -= 1
            try:
                return self._read(url, lists_left - 1)
            except (http.LinkRefused, http.FetchFailed, http.TooLarge, BadPlaylist):
                # One that broke off is tried again by a new connection.
                if self._has_opened or url == addresses[-1] or self._entries_left <= 0:
                    raise
        raise BadPlaylist(causes.EMPTY_LIST)

    def _read_sound(self, body: LiveBody, data: bytes) -> str:
        self.put(Opened(body.url, is_hls=False, jitter_s=0.0))
        reader = IcyReader(icy.interval(body.headers.get("icy-metaint", "")), self._title_charset)
        links = OggLinks() if data.startswith(CAPTURE) else None
        while data:
            at = self.now()
            for made in reader.take(data):
                self.put(made if isinstance(made, SentTitle) else Chunk(made, at))
                if links is not None and not isinstance(made, SentTitle):
                    self._put_titles(links, made)
            self.keep_pace(len(data))
            self.pause(PAUSE_S)
            data = body.read(READ_BYTES)
        return causes.CLOSED

    def _put_titles(self, links: OggLinks, data: bytes) -> None:
        """Hand over the titles that Ogg names where its links begin."""
        for _part in links.take(data):
            pass
        if links.head != self._head:
            self._head = links.head
            self.put(SentTitle(icy.as_title(ogg.title_of(links.head))))

    def _hold(self, body: LiveBody) -> None:
        self._body = body
        if self._halt.is_set():
            raise Halted


def _size_of(arrival: Arrival) -> int:
    return len(arrival.data) if isinstance(arrival, Chunk) else 0
