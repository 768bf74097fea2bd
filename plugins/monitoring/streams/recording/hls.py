"""Follow a live HLS stream: playlists, segments, and gaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from base.common.exchanges import FetchFailed
from plugins.monitoring.streams.recording import causes, playlists
from plugins.monitoring.streams.recording.arrivals import Chunk, Missing, Opened
from plugins.monitoring.streams.recording.playlists import ListedPart, LiveSegment, MediaPlaylist
from plugins.monitoring.streams.recording.receiver import Receiver

MAX_SEGMENT: Final = 16 << 20
MAX_HEAD: Final = 1 << 20
# Segments from the end of the list to begin with, as the standard has it.
FROM_END: Final = 3
# A playlist that stands still for so many target durations has lost its encoder.
MAX_STILL: Final = 6
MAX_FAILURES: Final = 3
# Shares of the target duration.
EARLY: Final = 0.9
AGAIN: Final = 0.1


@dataclass(slots=True)
class HlsPlace:
    """Where in a stream the recorder is, across connections."""

    number: int | None = None
    """The next segment's number; None before the first."""
    duration_s: float = 0.0
    """How long the last segment was."""
    head: ListedPart | None = None
    head_bytes: bytes = b""


def follow(receiver: Receiver, url: str, text: str, place: HlsPlace) -> str:
    """Read a live stream from its playlist; return why it ended."""
    variant = receiver.parse(playlists.leanest, text, url)
    if variant is not None:
        url, text = _fetched(receiver, variant)
    offer = receiver.parse(playlists.media_playlist, text, url)
    receiver.put(Opened(url, is_hls=True, jitter_s=offer.target_s))
    follower = _Follower(receiver, url, place)
    still_s, failures = 0.0, 0
    while True:
        news = follower.take(offer)
        if offer.has_ended:
            return causes.ENDED
        # A little earlier each time, until it is too early: then segments are read as
        # soon as they are there, which tells the time.
        wait_s = offer.target_s * (EARLY if news else AGAIN)
        still_s = 0.0 if news else still_s + wait_s
        if still_s > MAX_STILL * offer.target_s:
            raise FetchFailed(causes.STANDS_STILL)
        receiver.pause(wait_s)
        try:
            _, text = _fetched(receiver, url)
            failures = 0
        except FetchFailed:
            failures += 1
            if failures == MAX_FAILURES:
                raise
            continue
        offer = receiver.parse(playlists.media_playlist, text, url)


class _Follower:
    """Reads the segments of one media playlist after another, each once."""

    def __init__(self, receiver: Receiver, url: str, place: HlsPlace) -> None:
        self._receiver = receiver
        self._url = url
        self._place = place
        # Whether the decoder knows nothing of the container yet.
        self._fresh = place.number is None

    def take(self, offer: MediaPlaylist) -> bool:
        """Read new segments; return whether there were any."""
        if not offer.segments:
            return False
        first, last = offer.segments[0].number, offer.segments[-1].number
        place = self._place
        if place.number is not None and last + 1 < place.number:
            self._receiver.put(Missing(None))
            self._fresh = True
            place.number = None
        if place.number is None:
            place.number = max(first, last + 1 - FROM_END)
        elif first > place.number:
            lost_s = (first - place.number) * (place.duration_s or offer.target_s)
            self._receiver.put(Missing(lost_s))
            self._fresh = True
            place.number = first
        segments = [s for s in offer.segments if s.number >= place.number]
        for segment in segments:
            self._read(segment)
            place.number = segment.number + 1
            place.duration_s = segment.duration_s
        return bool(segments)

    def _read(self, segment: LiveSegment) -> None:
        data = b"" if segment.is_missing else self._segment_bytes(segment)
        if not data:
            self._receiver.put(Missing(segment.duration_s))
            self._fresh = True
            return
        at = self._receiver.now()
        anew = self._fresh or segment.begins_anew or segment.head != self._place.head
        if segment.head is not None and segment.head != self._place.head:
            _, head = self._receiver.fetch(segment.head, MAX_HEAD)
            self._place.head_bytes = head
        if segment.head is None:
            self._place.head_bytes = b""
        self._place.head = segment.head
        head = self._place.head_bytes
        if anew:
            # It is kept with each, and fetched once.
            self._receiver.keep_pace(len(head))
        self._fresh = False
        self._receiver.put(Chunk(head + data if anew else data, at, anew, head))

    def _segment_bytes(self, segment: LiveSegment) -> bytes:
        """Fetch a segment, twice if needed; empty if it cannot be fetched."""
        for attempt in range(2):
            try:
                return self._receiver.fetch(segment.part, MAX_SEGMENT)[1]
            except FetchFailed as error:
                if error.status is None and attempt:
                    raise
                self._receiver.pause(0.5)
        return b""


def _fetched(receiver: Receiver, url: str) -> tuple[str, str]:
    where, data = receiver.fetch(ListedPart(url), playlists.MAX_PLAYLIST)
    return where, data.decode("utf-8", "replace")
