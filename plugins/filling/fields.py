"""The fields that suggestions fill: how their values are checked, compared and written."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q

from base.common.outside_text import one_line
from catalogue.artist_ids import check_artist_ids
from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc, check_upc
from catalogue.models import ArtistIdentity, Recording
from plugins.filling.choices import FillField
from plugins.filling.open_data.folding import fold
from plugins.filling.open_data.matching import Ours

_DATE: Final = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_MOST: Final = 300


def cleaned(field: str, value: str) -> str:
    """Return a value in our form, or "" if it is none of this field."""
    try:
        match field:
            case FillField.ISRC:
                return check_isrc(value).normalised
            case FillField.ISWC:
                return check_iswc(value)
            case FillField.UPC:
                return check_upc(value)
            case FillField.ARTIST_IDS:
                return check_artist_ids(value)
            case FillField.RELEASE_DATE:
                return value if _DATE.fullmatch(value) else ""
            case _:
                return one_line(value, _MOST)
    except BadIdentifier:
        return ""


def columns_of(field: str, value: str) -> dict[str, Any]:  # Any: a column's value
    """Return the columns of a recording that a value sets."""
    if field != FillField.ISRC:
        return {field: value}
    isrc = check_isrc(value)
    return {"isrc": value, "isrc_normalised": isrc.normalised, "isrc_status": isrc.status}


def is_lacking(field: str, *, recording: str = "") -> Q:
    """Return the condition that a recording lacks a field.

    ``recording`` is the path to it; "" if the rows are recordings.
    """
    if field == FillField.ARTIST_IDS:
        there = ArtistIdentity.objects.filter(recording=OuterRef(recording or "pk"))
        return Q(~Exists(there))
    return Q((f"{recording}__{field}" if recording else field, ""))


def value_of(recording: Recording, field: str) -> str:
    """Return what a recording has in a field."""
    return str(getattr(recording, field))


def is_same(field: str, first: str, second: str) -> bool:
    """Return whether two values say the same; a year says the same as a day in it."""
    match field:
        case FillField.LABEL:
            return fold(first) == fold(second)
        case FillField.UPC:
            return first.lstrip("0") == second.lstrip("0")
        case FillField.RELEASE_DATE:
            return first.startswith(second) or second.startswith(first)
        case _:
            return cleaned(field, first) == cleaned(field, second)


def as_ours(recording: Recording, *, without: frozenset[str] = frozenset()) -> Ours:
    """Return a recording as it is matched, with some fields hidden."""

    def seen(name: str, value: str) -> str:
        return "" if name in without else value

    return Ours(
        title=recording.title,
        version_title=recording.version_title,
        artists=tuple(str(name) for name in recording.artists),
        album=recording.album,
        isrc=seen(FillField.ISRC, recording.isrc_normalised),
        upc=seen(FillField.UPC, recording.upc),
        duration_ms=recording.duration_ms,
    )
