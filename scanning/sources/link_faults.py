"""Classifies why a link gave no audio, from yt-dlp's messages and HTTP statuses.

yt-dlp reports errors as one line of English that differs from site to site. The
patterns are tried in order, and the original line is kept beside the classification.
"""

from __future__ import annotations

import re
from enum import StrEnum

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class LinkFault(StrEnum):
    """Kinds of failure; each value is the error code shown on the file."""

    GONE = "link_gone"
    PRIVATE = "link_private"
    LOGIN = "link_login"
    GEO = "link_geo_blocked"
    RATE = "link_rate_limited"
    UNSUPPORTED = "link_unsupported"
    LIVE = "link_live"
    UNKNOWN = "needs_audio"


_CAUSES = {
    LinkFault.GONE: _("nothing is at this address: it was deleted or never existed"),
    LinkFault.PRIVATE: _("it is private: only people its owner chose can open it"),
    LinkFault.LOGIN: (
        _("the platform shows it only to signed-in people, and the portal cannot sign in")
    ),
    LinkFault.GEO: _("the platform does not show it in this server's country"),
    LinkFault.RATE: (
        _(
            "the platform is refusing this server for now because of too many requests; "
            "scan the link again later"
        )
    ),
    LinkFault.UNSUPPORTED: _("the page has no audio that the portal can read"),
    LinkFault.LIVE: (
        _(
            "it is a live stream, and the portal cannot scan live streams; submit the link "
            "of a recording of it"
        )
    ),
}

# Lower-case phrases of yt-dlp's extractors. Order matters: a private video that asks to
# sign in is private, and a rate limit that mentions signing in is a rate limit.
_PATTERNS: tuple[tuple[LinkFault, str], ...] = (
    (
        LinkFault.RATE,
        r"\b429\b|too many requests|rate.?limit|not a bot|try again later"
        r"|unusual traffic|ip address is blocked",
    ),
    (
        LinkFault.GEO,
        r"in your (country|region|location)|geo.?restrict|from your location"
        r"|not made this video available|not available in [a-z ]{1,60} due to",
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
    """Classify an error line of yt-dlp."""
    lowered = message.lower().replace("’", "'")
    return next((kind for kind, pattern in _COMPILED if pattern.search(lowered)), LinkFault.UNKNOWN)


def fault_of_status(status: int | None) -> LinkFault:
    """Classify the status of an HTTP answer."""
    return _STATUSES.get(status or 0, LinkFault.UNKNOWN)


def sentence(kind: LinkFault, original: str) -> str:
    """Return the cause in plain words, followed by the original line."""
    cause = _CAUSES.get(kind)
    if cause is None:
        return original or gettext("the platform gave no audio")
    return f"{cause} ({original})" if original else str(cause)
