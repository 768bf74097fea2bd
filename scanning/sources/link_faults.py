"""Why a link gave no audio, told apart: yt-dlp's messages and HTTP answers in our words.

yt-dlp says everything in one line of English that differs from site to site. The
patterns are looked for in this order; the original line is kept beside the kind.
"""

from __future__ import annotations

import re
from enum import StrEnum


class LinkFault(StrEnum):
    """Kinds of failure; each value is the code that the file shows."""

    GONE = "link_gone"
    PRIVATE = "link_private"
    LOGIN = "link_login"
    GEO = "link_geo_blocked"
    RATE = "link_rate_limited"
    UNSUPPORTED = "link_unsupported"
    UNKNOWN = "needs_audio"


_TOLD = {
    LinkFault.GONE: (
        "what it leads to is gone: it was deleted, or never was at this address"
    ),
    LinkFault.PRIVATE: "it is private: only people whom its owner chose can open it",
    LinkFault.LOGIN: (
        "the platform shows it to signed-in people only, and the portal signs in "
        "nowhere"
    ),
    LinkFault.GEO: "the platform does not show it in the country of this server",
    LinkFault.RATE: (
        "the platform refuses this server for now, because of too many requests; scan "
        "it again later"
    ),
    LinkFault.UNSUPPORTED: "the page holds no audio that can be read",
}

# Words of yt-dlp's extractors, lower case. Order matters: a private video that asks to
# sign in is private, a rate limit that mentions the login is a limit.
_PATTERNS: tuple[tuple[LinkFault, str], ...] = (
    (
        LinkFault.RATE,
        r"\b429\b|too many requests|rate.?limit|not a bot|try again later"
        r"|unusual traffic|ip address is blocked",
    ),
    (
        LinkFault.GEO,
        r"in your (country|region|location)|geo.?restrict|from your location"
        r"|not made this video available|not available in [a-z ]+ due to",
    ),
    (
        LinkFault.PRIVATE,
        r"\bprivate\b|protected tweet|members.?only|join this channel"
        r"|not been made available to anyone|friends only|referer|password",
    ),
    (
        LinkFault.LOGIN,
        r"log ?in|sign ?in|logged.?in|registered users|requires authentication"
        r"|confirm your age|--cookies|subscribers?\b|\b401\b|\b403\b",
    ),
    (
        LinkFault.GONE,
        r"\b404\b|\b410\b|removed|deleted|terminated|no longer|does not exist"
        r"|doesn.t exist|not found|unavailable|not available|isn.t available"
        r"|has ended",
    ),
    (
        LinkFault.UNSUPPORTED,
        r"unsupported url|no suitable extractor|no video|no media|drm"
        r"|is not a valid url|not yet started|no video formats",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)
_STATUSES = {
    401: LinkFault.LOGIN,
    403: LinkFault.LOGIN,
    404: LinkFault.GONE,
    410: LinkFault.GONE,
    429: LinkFault.RATE,
    451: LinkFault.GEO,
}


def fault_of_message(message: str) -> LinkFault:
    """Return the kind of a line that yt-dlp wrote."""
    lowered = message.lower().replace("’", "'")
    return next(
        (kind for kind, pattern in _COMPILED if pattern.search(lowered)),
        LinkFault.UNKNOWN,
    )


def fault_of_status(status: int | None) -> LinkFault:
    """Return the kind of an HTTP answer."""
    return _STATUSES.get(status or 0, LinkFault.UNKNOWN)


def sentence(kind: LinkFault, original: str) -> str:
    """Return the cause in plain words, with the original line beside it."""
    told = _TOLD.get(kind)
    if told is None:
        return original or "the platform gave no audio"
    return f"{told} ({original})" if original else told
