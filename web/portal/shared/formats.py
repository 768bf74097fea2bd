"""Formats times, speeds, pitches, sizes and shares for people."""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from base.common.browsers import browser_of
from base.common.reading import read_clock, read_number, rounded
from recognition.speech_track import Share
from scanning.choices import EngineChoice
from web.portal.shared.lists import COUNTED

UNKNOWN = "–"
THIN_SPACE = "\u2009"
KIB = 1024

_NAMES = re.compile(r"\b([a-z]+(?:_[a-z0-9]+)+)\b(?![./]\w)")


def names_marked(text: str) -> SafeString:
    """Mark names with underscores in a sentence, such as columns of a file, as code."""
    if isinstance(text, SafeString):
        return text
    parts = _NAMES.split(text)  # at odd places stand the names
    marks = ("<code>{}</code>" if at % 2 else "{}" for at in range(len(parts)))
    return format_html("".join(marks), *parts)


def length(total_ms: int) -> str:
    """Format a length as ``read_clock`` does; a fraction of a second is < 1 s, not 0:00."""
    return gettext("< 1 s") if 0 < total_ms < 1000 else read_clock(total_ms)


def spoken(total_ms: int) -> str:
    """Format a time with units, short enough for a label: 11 min 36 s."""
    minutes, seconds = divmod(rounded(abs(total_ms)) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    texts = [f"{value} {unit}" for value, unit in parts if value]
    return " ".join(texts) or "0 s"


def percent(part: float, whole: float, *, decimals: int = 1) -> str:
    """Format a percentage; return ``UNKNOWN`` if the whole is zero."""
    if not whole:
        return UNKNOWN
    share = round(100 * float(part) / float(whole), decimals)
    digits = 0 if share in (0, 100) else decimals
    return f"{read_number(share, decimals=digits)}{THIN_SPACE}%"


def file_share(pct: Decimal | None) -> str:
    """Format a share of a file as reports state it, with two decimals."""
    return UNKNOWN if pct is None else percent(float(pct), 100, decimals=2)


def speech(share: Share | None) -> str:
    """Write an estimate of speech, or between which shares it cannot tell."""
    if share is None:
        return UNKNOWN
    least, most = (read_number(100 * bound) for bound in share)
    if share.is_over is None:
        words = {"least": least, "most": most}
        return gettext("%(least)s to %(most)s %%, not judged") % words
    return gettext("about %(share)s %%") % {"share": most if share.is_over else least}


def in_percent(value: Decimal) -> str:
    """Format a share in percent without zeros at its end: 12.5 %."""
    whole = value == value.to_integral_value()
    digits = 0 if whole else -int(value.normalize().as_tuple().exponent)
    return f"{read_number(float(value), decimals=digits)} %"


def speed(ratio: float) -> str:
    """Format a tempo ratio as 1.030×, in German 1,030×."""
    return f"{read_number(ratio, decimals=3)}×"


def cents(value: float) -> str:
    """Format a pitch difference in whole cents with its sign."""
    rounded = round(value)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return gettext("%(change)s cents") % {"change": f"{sign}{abs(rounded)}"}


def size(count: int) -> str:
    """Format a number of bytes with a binary unit and at most one decimal."""
    value, unit = float(count), gettext("bytes")
    for unit in (gettext("bytes"), "KiB", "MiB", "GiB", "TiB"):
        if value < KIB or unit == "TiB":
            break
        value /= KIB
    decimals = 0 if count < KIB or value == int(value) else 1
    return f"{read_number(value, decimals=decimals)} {unit}"


def counted(count: int, most: int | None = None) -> str:
    """Format the length of a list; anything above ``most`` is ``10,000+``.

    ``most`` is ``COUNTED`` by default.
    """
    most = COUNTED if most is None else most
    sign = "+" if count > most else ""
    return f"{read_number(min(count, most))}{sign}"


def scale(name: str) -> str:
    """Write the scale of a score: 0–100, Embedded engine 1, for ``0-100:embedded/1``."""
    span, _colon, engine = name.partition(":")
    return ", ".join(filter(None, (span.replace("-", "–"), engine_of_scale(engine))))


def engine_of_scale(code: str) -> str:
    """Write an engine and its version: Embedded engine 1, for ``embedded/1``."""
    engine, _slash, version = code.partition("/")
    if engine in EngineChoice.values:
        engine = str(EngineChoice(engine).label)
    return f"{engine} {version}".strip()


def middle(text: str, length: int) -> str:
    """Shorten a name to ``length`` by its middle, so that its suffix stays visible."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


# Codecs whose FFmpeg decoder has a name that people would not recognise.
_CODECS = {
    "alac": "Apple Lossless",
    "mp1": "MPEG layer 1",
    "mp2": "MPEG layer 2",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "wmav1": "WMA",
    "wmav2": "WMA",
    "wmapro": "WMA Pro",
    "wmalossless": "WMA Lossless",
}


def codec(name: str) -> str:
    """Return a codec's common name for an FFmpeg decoder: MP3 for "mp3float"."""
    plain = name.removeprefix("lib").removesuffix("float").removesuffix("_fixed")
    if plain.startswith(("pcm_", "adpcm_")):
        return plain.partition("_")[0].upper()
    return _CODECS.get(plain) or plain.replace("_", " ").upper()


def browser(user_agent: str) -> str:
    """Name the browser and the system of a session, such as Firefox on Windows."""
    names = browser_of(user_agent)
    if not all(names):
        return user_agent or UNKNOWN
    return gettext("%(browser)s on %(system)s") % dict(
        zip(("browser", "system"), names, strict=True)
    )
