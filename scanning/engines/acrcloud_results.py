"""Reads the ``results`` of ACRCloud's File Scanning, as callbacks and the API give it.

Shapes vary in real bodies (lists where objects are documented, missing ids, floats
where integers are), so each value is read by what it is. ``offset`` and
``played_duration`` are seconds of the file; times inside ``result`` are milliseconds,
the ``sample_*`` pair of the file and the ``db_*`` pair of the recording, for one
aligned piece. The stretch outside that piece is placed along the same line.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from scanning.choices import Section
from scanning.engines.base import FoundSegment

SCORE_SCALE = "0-100:acrcloud"
NO_SCALE = "none"

# Any in this module: JSON from another service, read value by value.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReportedItem:
    """One entry of one section: who it is, and where it sounds."""

    section: Section
    acrid: str
    title: str
    artists: tuple[str, ...]
    album: str
    label: str
    release_date: str
    isrc: str
    upc: str
    duration_ms: int
    score: Decimal | None
    segment: FoundSegment
    ids: Json


def read_items(results: object) -> list[ReportedItem]:
    """Return every readable entry of the sections that name a recording."""
    sections = _as_object(results)
    return [
        _read_item(section, entry)
        for section in Section
        for entry in _as_list(sections.get(section.value))
        if isinstance(entry, dict)
    ]


def read_other_sections(results: object) -> Json:
    """Return what the answer holds besides recordings, as it is; empty parts left out.

    Music and speech, AI detection, transcripts, and whatever the cloud adds later.
    """
    known = {section.value for section in Section}
    return _storable(
        {
            str(name)[:100]: told
            for name, told in _as_object(results).items()
            if name not in known and told not in (None, "", [], {})
        }
    )


def _storable(told: Json) -> Json:
    """Return JSON without what a database does not store: NUL, half a pair, NaN."""
    written = _UNSTORABLE.sub(r"\1", json.dumps(told))
    plain: Json = json.loads(written, parse_constant=lambda _: None)
    return plain


# As escapes; a backslash of the text itself and a whole pair stay (group 1).
_UNSTORABLE = re.compile(r"(\\\\|\\ud[89ab]..\\ud[c-f]..)|\\u0000|\\ud[89a-f]..")


def digest(state: int, results: object) -> str:
    """Return a hash that is equal for equal answers, however they were written."""
    canonical = json.dumps([state, results], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read_item(section: Section, entry: Json) -> ReportedItem:
    result = _as_object(entry.get("result"))
    external_ids = _as_object(result.get("external_ids"))
    title = _text(result.get("title"), 500) or "Untitled"
    artists = _artists(result)
    return ReportedItem(
        section=section,
        acrid=_acrid(result, title, artists),
        title=title,
        artists=artists,
        album=_text(_as_object(result.get("album")).get("name"), 500),
        label=_text(result.get("label"), 300),
        release_date=_text(result.get("release_date"), 10),
        isrc=_text(external_ids.get("isrc"), 40),
        upc=_text(external_ids.get("upc"), 40),
        duration_ms=_milliseconds(result.get("duration_ms")),
        score=_score(entry, result),
        segment=_segment(entry, result),
        ids=_storable(
            {
                key: result[key]
                for key in ("acrid", "audio_id", "bucket_id", "external_ids")
                if key in result
            }
            | {
                key: entry[key]
                for key in ("engine_type", "time_skew", "frequency_skew")
                if key in entry
            }
        ),
    )


def _segment(entry: Json, result: Json) -> FoundSegment:
    start = max(0, round(1000 * _number(entry.get("offset"))))
    length = max(1, round(1000 * _number(entry.get("played_duration"))))
    skew = _number(entry.get("time_skew"))
    # A share of the speed: nothing stands still, or runs twice as fast.
    has_tempo = "time_skew" in entry and abs(skew) < 1
    tempo = 1.0 - skew if has_tempo else 1.0
    sample_begin = _number(result.get("sample_begin_time_offset_ms"))
    db_begin = _number(result.get("db_begin_time_offset_ms"))
    reference_start = max(0, round(db_begin - (sample_begin - start) * tempo))
    reference_end = reference_start + max(1, round(length * tempo))
    duration = _milliseconds(result.get("duration_ms"))
    if duration:
        reference_end = max(reference_start + 1, min(reference_end, duration))
    return FoundSegment(
        start_ms=start,
        end_ms=start + length,
        reference_start_ms=reference_start,
        reference_end_ms=reference_end,
        score=_score(entry, result),
        tempo_ratio=Decimal(f"{tempo:.5f}") if has_tempo else None,
    )


def _score(entry: Json, result: Json) -> Decimal | None:
    """Return the score beside the result; the one inside where there is no other."""
    for value in (entry.get("score"), result.get("score")):
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                score = Decimal(str(value))
            except InvalidOperation:
                continue
            if score.is_finite() and 0 <= score <= 100:
                return score.quantize(Decimal("0.1"))
    return None


def _acrid(result: Json, title: str, artists: tuple[str, ...]) -> str:
    """Return the cloud's id, or one made of title and artists where it gives none."""
    given = _text(result.get("acrid"), 32)
    if given:
        return given
    named = json.dumps([title, artists], ensure_ascii=True)
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _artists(result: Json) -> tuple[str, ...]:
    named = [
        _as_object(artist).get("name") for artist in _as_list(result.get("artists"))
    ]
    names = tuple(_text(name, 300) for name in named if name)
    single = _text(result.get("artist"), 300)
    return names or ((single,) if single else ())


def _as_object(value: object) -> Json:
    """Return an object; a list's first object where the service sent a list."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), {})
    return value if isinstance(value, dict) else {}


def _as_list(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def _number(value: object) -> float:
    """Return a number of sane size; 0 for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if abs(number) < _LARGEST else 0.0


# Two years in milliseconds: larger "times" are not times.
_LARGEST = 6.4e10


def _milliseconds(value: object) -> int:
    return max(0, round(_number(value)))


def _text(value: object, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    plain = str(value).replace("\0", "").encode("utf-8", "ignore").decode()
    return plain[:limit]
