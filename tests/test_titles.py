"""Recordings are named with their version: no template prints a bare title."""

from __future__ import annotations

import re

from tests import product

# The names under which templates know a recording.
_BARE = re.compile(
    r"\b(?:recording|shown|canonical|reference|stands|stays|copy|merged_into|one|other|sound)"
    r"\.(?:title|version_title)\b"
)
# Comparisons show the version in a cell of its own.
_CELL = re.compile(r"<(td|dd)>\{\{ \w+\.version_title\|[^}]+\}\}</\1>")


def test_no_template_names_a_recording_without_its_version() -> None:
    bare = [
        f"{product.name_of(path)}:{number}: {line.strip()}"
        for path in product.files(".html")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _BARE.search(_CELL.sub("", line))
    ]

    assert not bare, "Write recording.full_title:\n" + "\n".join(bare)
