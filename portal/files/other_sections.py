"""Engine results other than recordings as text: speech, AI music, unknown sections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scanning.models import Scan

_TITLES: dict[str, str | Promise] = {
    "music_speech": _("Music and speech"),
    "ai_detection": _("AI music – advice only"),
    "speech": _("Speech to text"),
    "humming": _("Humming"),
}
_VALUES: dict[tuple[str, str], str | Promise] = {
    ("label", "m"): _("music"),
    ("label", "s"): _("speech"),
}
_SHOWN_ROWS = 20
_TEXT_CHARS = 200

# Any in this module: JSON from another service, checked value by value.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SectionRow:
    """One entry: its interval, if the engine gave one, and its labelled values."""

    start_ms: int | None
    end_ms: int | None
    words: Sequence[tuple[str, str | Promise]]


@dataclass(frozen=True, slots=True)
class OtherSection:
    """One section of the answer; ``left`` counts the entries that are not shown."""

    name: str
    title: str | Promise
    rows: Sequence[SectionRow]
    left: int = 0


def other_sections(scan: Scan) -> list[OtherSection]:
    """Return the sections of a scan's answer that name no recording."""
    return [
        _section(name, content) for name, content in sorted(scan.other_sections.items())
    ]


def _section(name: str, content: object) -> OtherSection:
    entries = content if isinstance(content, list) else [content]
    return OtherSection(
        name=name,
        title=_TITLES.get(name, name.replace("_", " ").capitalize()),
        rows=[_row(entry) for entry in entries[:_SHOWN_ROWS]],
        left=max(0, len(entries) - _SHOWN_ROWS),
    )


def _row(entry: object) -> SectionRow:
    if not isinstance(entry, Mapping):
        return SectionRow(None, None, [("", _text(entry))])
    start = _seconds(entry.get("start", entry.get("offset")))
    end = _seconds(entry.get("end"))
    length = _seconds(entry.get("played_duration"))
    if end is None and start is not None and length is not None:
        end = start + length
    times = (
        {"start", "end", "offset", "played_duration"} if start is not None else set()
    )
    words = [
        (str(key).replace("_", " "), _VALUES.get((key, str(value)), _text(value)))
        for key, value in entry.items()
        if key not in times and value not in (None, "", [], {})
    ]
    return SectionRow(start, end, words)


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(1000 * value) if 0 <= value < 1e8 else None


def _text(value: object) -> str:
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return plain if len(plain) <= _TEXT_CHARS else f"{plain[:_TEXT_CHARS]}…"
