"""Say in which band a recording is heard, where a filter cut off the rest of it."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from base.common.reading import read_number

Band = tuple[int | None, int | None]
"""The lowest and the highest frequency in Hz; None where the sound ends, or unknown."""

# Each edge is measured to a third of an octave, so that two of one filter differ by less.
_ONE_FILTER = 1.6
# Telephones begin at 300 Hz. They end at 3,400 Hz, close to all that the engine hears.
_TELEPHONE = range(240, 381)


def band_of_all(bands: Iterable[Band]) -> Band:
    """Return the band of a match from those of its segments: what all of them have."""
    lows, highs = zip(*bands, strict=True)
    return _common(lows), _common(highs)


def _common(edges: Iterable[int | None]) -> int | None:
    frequencies = sorted(edge or 0 for edge in edges)
    if not frequencies[0] or frequencies[-1] > _ONE_FILTER * frequencies[0]:
        return None
    return frequencies[len(frequencies) // 2]


def band_in_words(low: int | None, high: int | None) -> str:
    """Return the band, as "heard only above 300 Hz"; empty if nothing was cut off."""
    if not low and not high:
        return ""
    edges = {"low": read_number(low or 0), "high": read_number(high or 0)}
    if not high:
        return _("heard only above %(low)s Hz") % edges
    if not low:
        return _("heard only below %(high)s Hz") % edges
    return _("heard only between %(low)s and %(high)s Hz") % edges


def is_like_a_telephone(low: int | None, high: int | None) -> bool:
    """Return whether a telephone would cut off the same, as far as the engine hears."""
    return low in _TELEPHONE and not high
