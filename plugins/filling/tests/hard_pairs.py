"""1,000 hard pairs: our recording, what a source has, and the right ISRC or none.

Their spellings are written by hand in ``hard_pairs.txt``; the songs are invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from string import Template
from typing import Final

from plugins.filling.open_data.matching import Ours
from plugins.filling.tests.dumps import Song

_LINES: Final = Path(__file__).with_suffix(".txt")
_CATEGORY: Final = re.compile(r"\[([a-z ]+) (\d+)\]")
_SIDE: Final = re.compile(
    r"(?P<right>=?)(?P<title>.+?)(?: // (?P<version>.+?))?"
    r"(?: @ (?P<artist>.+?)(?: \[(?P<alias>[^\]]+)\])?)?"
)
_PARTIAL, _SHARED = " %", " &"
# Lengths differ by less than the three seconds that count as the same.
_APART: Final = (400, -900, 1_700, -2_300, 0)


@dataclass
class HardPair:
    """A case: ``right`` is the ISRC that ours has, "" if none may be taken in one go."""

    category: str
    line: str
    ours: Ours
    there: list[Song]
    right: str = ""
    field: str = field(default="isrc")


def hard_pairs() -> list[HardPair]:
    """Return the pairs of all categories, each song with another artist each time."""
    *categories, songs = _read()
    named = [line.split(" @ ", 1) for line in songs[2]]
    pairs: list[HardPair] = []
    for category, count, lines in categories:
        for line in islice(cycle(lines), count):
            n = len(pairs)
            at = n * 7 + n // len(named)
            artists = [named[(at + step) % len(named)][1] for step in (0, 31, 57)]
            words = dict(zip("TABG", [named[n % len(named)][0], *artists], strict=True))
            pairs.append(_pair(n, category, line, words))
    return pairs


def _read() -> Iterator[tuple[str, int, list[str]]]:
    category, count, lines = "", 0, list[str]()
    for line in [*_LINES.read_text("utf-8").splitlines(), "[end 0]"]:
        if match := _CATEGORY.fullmatch(line if line != "[songs]" else "[songs 0]"):
            if category:
                yield category, count, lines
            category, count, lines = match[1], int(match[2]), []
        elif line and not line.startswith("# "):
            lines.append(line)


def _pair(n: int, category: str, line: str, words: dict[str, str]) -> HardPair:
    mine, _arrow, theirs = line.partition(" => ")
    is_partial, is_shared = theirs.endswith(_PARTIAL), theirs.endswith(_SHARED)
    our = _side(mine, words)
    length = 150_000 + 1_009 * (n % 137)
    ours = Ours(our["title"], our["version"], (our["artist"],), duration_ms=length)
    pair = HardPair(category, line, ours, [], field="iswc" if is_partial else "isrc")
    for at, text in enumerate(theirs.removesuffix(_PARTIAL).removesuffix(_SHARED).split(" ;; ")):
        side = _side(text, words)
        code = f"QZHP{0 if is_shared else at}{n:07d}"
        pair.there.append(
            Song(
                side["title"],
                side["artist"],
                length + _APART[(n + at) % len(_APART)],
                (code,),
                comment=side["version"],
                iswc="T-034.524.680-1" if is_partial else "",
                is_partial=is_partial,
                aliases=(side["alias"],) if side["alias"] else (),
            )
        )
        if side["right"]:
            pair.right = code
    return pair


def _side(text: str, words: dict[str, str]) -> dict[str, str]:
    match = _SIDE.fullmatch(text)
    assert match is not None, text
    parts = {
        name: Template(part or "").substitute(words) for name, part in match.groupdict().items()
    }
    return parts | {"artist": parts["artist"] or words["A"]}
