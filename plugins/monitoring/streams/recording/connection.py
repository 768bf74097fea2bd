"""One connection to one address, read by a thread of its own.

Reads pause for a quarter of a second, since a wake-up costs more than the bytes that it
brings.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Final

from base.common import exchanges, http
from base.common.http import LiveBody
from base.common.packed import GZIP, unpacked
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.recording import causes, hls, icy, ogg, playlists
from plugins.monitoring.streams.recording.arrivals import Chunk, Closed, Halted, Opened
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.icy import IcyReader, SentTitle
from plugins.monitoring.streams.recording.ogg import OggLinks
from plugins.monitoring.streams.recording.pace import Pace
from plugins.monitoring.streams.recording.playlists import BadPlaylist
from plugins.monitoring.streams.recording.receiver import FIRST_BYTE_S, MINUTE_S, Receiver
from recognition.audio.ogg import CAPTURE

PAUSE_S: Final = 0.25
READ_BYTES: Final = 1 << 16
MAX_LISTS: Final = 3
WHITE: Final = b"\xef\xbb\xbf \r\n\t"


class Connection(Receiver):
    """Reads an address until it ends, or until ``halt``."""

    def __init__(
        self, url: str, clock: Clock, place: hls.HlsPlace, pace: Pace, *, title_charset: str = ""
    ) -> None:
        super().__init__(clock, pace)
        self._url = url
        self._title_charset = title_charset
        self._place = place
        self._head = b""
        self._entries_left = playlists.MAX_ENTRIES
        self._thread = threading.Thread(target=self._run, name="stream-network", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def _run(self) -> None:
        closed = Closed(GapCause.CONNECTION, "")
        try:
            closed = Closed(GapCause.CONNECTION, self._read(self._url, MAX_LISTS))
        except Halted:
            return
        except (exchanges.LinkRefused, exchanges.FetchFailed) as error:
            closed = Closed(GapCause.CONNECTION, causes.of_connection(error))
        except exchanges.TooLarge:
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
            except (exchanges.LinkRefused, exchanges.FetchFailed, exchanges.TooLarge, BadPlaylist):
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
