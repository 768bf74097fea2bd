"""Badges, zones and addresses of streams, as all their pages show them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from django.utils.functional import Promise

from plugins.monitoring.streams.choices import AirplayState, StreamState
from plugins.monitoring.streams.models import Airplay, Station, Stream
from web.portal.shared import formats


class Badge(NamedTuple):
    """The label, icon and CSS class of a state."""

    label: str | Promise
    icon: str
    css: str


_STREAM_BADGES = {
    StreamState.WAITING: ("clock", "badge--waiting"),
    StreamState.CONNECTING: ("refresh", "badge--processing"),
    StreamState.LISTENING: ("check", "badge--state-confirmed"),
    StreamState.SILENT: ("triangle", "badge--state-pending"),
    StreamState.AWAY: ("away", "badge--error"),
    StreamState.PAUSED: ("pause", "badge--outline"),
}
_PLAY_BADGES = {
    AirplayState.PLAYING: ("play", "badge--state-confirmed"),
    AirplayState.ENDED: ("clock", "badge--outline"),
    AirplayState.SETTLED: ("check", "badge--ready"),
    AirplayState.WITHDRAWN: ("cross", "badge--state-rejected"),
}


def stream_badge(stream: Stream) -> Badge:
    """Return the badge of a stream."""
    state = StreamState(stream.state) if stream.enabled else StreamState.PAUSED
    return Badge(state.label, *_STREAM_BADGES[state])


def play_badge(play: Airplay) -> Badge:
    """Return the badge of a play that no match decides yet."""
    state = AirplayState(play.state)
    return Badge(state.label, *_PLAY_BADGES[state])


def zone_of(station: Station) -> ZoneInfo:
    """Return the zone in which the days of a station begin."""
    return ZoneInfo(station.time_zone)


def plain_address(url: str) -> str:
    """Return an address without its user, password and query, which may be keys."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "…" if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def sound_of(codec: str, sample_rate: int) -> str:
    """Return codec and sample rate as people read them."""
    rate = f"{sample_rate / 1000:g} kHz" if sample_rate else ""
    return ", ".join(part for part in (formats.codec(codec) if codec else "", rate) if part)


def ms_of(length: timedelta) -> int:
    """Return a length in milliseconds."""
    return length // timedelta(milliseconds=1)
