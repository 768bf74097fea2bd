"""How times, speeds, pitches, sizes and shares are written on screen."""

from __future__ import annotations

from django.utils.formats import number_format

from portal.pages import COUNTED

UNKNOWN = "–"
THIN_SPACE = "\u2009"
KIB = 1024


def clock(total_ms: int, *, digits: int = 0) -> str:
    """Write a time as m:ss or h:mm:ss, cut (not rounded) to ``digits`` decimals."""
    sign = "−" if total_ms < 0 else ""
    seconds, ms = divmod(abs(total_ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = (
        f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    )
    fraction = f".{ms:03d}"[: digits + 1] if digits else ""
    return f"{sign}{text}{fraction}"


def spoken(total_ms: int) -> str:
    """Write a time in words short enough for a label: 11 min 36 s."""
    minutes, seconds = divmod(abs(total_ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    kept = [f"{value} {unit}" for value, unit in parts if value]
    return " ".join(kept) or "0 s"


def percent(part: float, whole: float, *, decimals: int = 1) -> str:
    """Write a share with a thin space before the sign; a whole of zero is unknown."""
    if not whole:
        return UNKNOWN
    # number_format cuts, so the rounding comes first.
    share = round(100 * float(part) / float(whole), decimals)
    kept = 0 if share in (0, 100) else decimals
    return f"{number_format(share, decimal_pos=kept, use_l10n=True)}{THIN_SPACE}%"


def speed(ratio: float) -> str:
    """Write a tempo ratio as 1.030×."""
    return f"{ratio:.3f}×"


def cents(value: float) -> str:
    """Write a pitch difference in cents with its sign."""
    rounded = round(value)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return f"{sign}{abs(rounded)} cents"


def size(count: int) -> str:
    """Write a number of bytes in KiB, MiB or GiB with one decimal."""
    value, unit = float(count), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < KIB or unit == "TiB":
            break
        value /= KIB
    decimals = 0 if unit == "bytes" or value == int(value) else 1
    return f"{number_format(round(value, decimals), decimal_pos=decimals, use_l10n=True)} {unit}"


def counted(count: int) -> str:
    """Write how long a list is, which is counted as far as ``COUNTED``."""
    more = "+" if count > COUNTED else ""
    return f"{number_format(min(count, COUNTED), force_grouping=True)}{more}"


def middle(text: str, length: int) -> str:
    """Cut out the middle of a long name and keep its end, where the suffix is."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"
