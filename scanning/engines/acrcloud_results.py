"""Parses ``results`` of ACRCloud's File Scanning, from callbacks and the API.

Real bodies vary: lists in place of documented objects, missing ids, floats in place of
integers. So each value is parsed by its actual type. ``offset`` and
``played_duration`` are seconds of the file. Times inside ``result`` are milliseconds
of one aligned interval: ``sample_*`` in the file, ``db_*`` in the recording. Where the
detection is longer than that interval, the same alignment is extended.
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
    """One detection of one section: the recording's metadata and its interval."""

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
    """Return every readable entry of the sections that name recordings."""
    sections = _as_object(results)
    return [
        _read_item(section, entry)
        for section in Section
        for entry in _as_list(sections.get(section.value))
        if isinstance(entry, dict)
    ]


def read_other_sections(results: object) -> Json:
    """Return the non-empty sections without recordings, unchanged.

    These are music and speech, AI detection, transcripts and future sections.
    """
    section_names = {section.value for section in Section}
    return storable(
        {
            str(name)[:100]: content
            for name, content in _as_object(results).items()
            if name not in section_names and content not in (None, "", [], {})
        }
    )


def storable(content: Json) -> Json:
    """Return an object without what PostgreSQL's JSON refuses: NUL, lone surrogates, NaN."""
    written = _UNSTORABLE.sub(r"\1", json.dumps(content))
    plain: Json = json.loads(written, parse_constant=lambda _: None)
    return plain


# Matches JSON escapes; group 1 keeps escaped backslashes and complete surrogate pairs.
_UNSTORABLE = re.compile(r"(\\\\|\\ud[89ab]..\\ud[c-f]..)|\\u0000|\\ud[89a-f]..")


def digest(state: int, results: object) -> str:
    """Return the same hash for equal answers, whatever their formatting."""
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
        ids=storable(
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
            | _metadata(result)
        ),
    )


def _metadata(result: Json) -> Json:
    """Return ids of platforms and facts of rights, in their documented forms."""
    platforms = result.get("external_metadata")
    metadata: Json = {
        name: [claim for claim in result[name] if isinstance(claim, dict)]
        for name in ("rights_claim", "works")
        if isinstance(result.get(name), list)
    }
    if isinstance(platforms, dict):
        metadata["external_metadata"] = {
            name: value for name, value in platforms.items() if isinstance(value, dict)
        }
    return {name: value for name, value in metadata.items() if value}


def _segment(entry: Json, result: Json) -> FoundSegment:
    # The database requires ordered, non-negative times.
    start = max(0, round(1000 * _number(entry.get("offset"))))
    length = max(1, round(1000 * _number(entry.get("played_duration"))))
    skew = _number(entry.get("time_skew"))
    # A relative change of speed; ±100 % or more cannot be real.
    has_tempo = "time_skew" in entry and abs(skew) < 1
    tempo = 1.0 - skew if has_tempo else 1.0
    sample_begin = _number(result.get("sample_begin_time_offset_ms"))
    db_begin = _number(result.get("db_begin_time_offset_ms"))
    reference_start = max(0, round(db_begin - (sample_begin - start) * tempo))
    reference_end = reference_start + max(1, round(length * tempo))
    duration = _milliseconds(result.get("duration_ms"))
    if duration:
        # Rounding in the answer can place the end past the recording.
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
    """Return the score beside ``result``, else the one inside it."""
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
    """Return the cloud's id, or one derived from title and artists."""
    acrid = _text(result.get("acrid"), 32)
    if acrid:
        return acrid
    named = json.dumps([title, artists], ensure_ascii=True)
    # Repeated reports of the same music must lead to the same stub.
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _artists(result: Json) -> tuple[str, ...]:
    named = [_as_object(artist).get("name") for artist in _as_list(result.get("artists"))]
    names = tuple(_text(name, 300) for name in named if name)
    single = _text(result.get("artist"), 300)
    return names or ((single,) if single else ())


def _as_object(value: object) -> Json:
    """Return an object; a list stands for its first object."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), {})
    return value if isinstance(value, dict) else {}


def _as_list(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def _number(value: object) -> float:
    """Return a finite number of plausible size, else 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if abs(number) < _LARGEST else 0.0


# Two years in milliseconds; anything larger cannot be a media time.
_LARGEST = 6.4e10


def _milliseconds(value: object) -> int:
    return max(0, round(_number(value)))


def _text(value: object, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    plain = str(value).replace("\0", "").encode("utf-8", "ignore").decode()
    return plain[:limit]
