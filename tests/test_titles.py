"""Recordings are named with their version: no template prints a bare title."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
# The names under which templates know a recording.
_BARE = re.compile(
    r"\b(?:recording|shown|canonical|reference|stands|stays|copy|merged_into)"
    r"\.(?:title|version_title)\b"
)
# These show the version in a cell of its own.
_COMPARISONS = {
    "portal/catalogue/recording_detail.html",
    "portal/enrichment/suggestion.html",
}


def test_no_template_names_a_recording_without_its_version() -> None:
    templates = _ROOT / "templates"
    bare = [
        f"{path.relative_to(templates)}:{number}: {line.strip()}"
        for path in sorted(templates.rglob("*.html"))
        if str(path.relative_to(templates)) not in _COMPARISONS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _BARE.search(line)
    ]

    assert not bare, "Write recording.full_title:\n" + "\n".join(bare)
