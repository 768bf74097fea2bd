"""1,000 hard pairs: our recording, what a source has, and the right ISRC or none.

Each family is a case that matching by words gets wrong. The names are invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from enrichment.open_data.matching import Ours
from tests.enrichment.dumps import Song

_FIRST: Final = [
    "Amber",
    "Birch",
    "Cedar",
    "Dusk",
    "Ember",
    "Fern",
    "Garnet",
    "Harbour",
    "Indigo",
    "Juniper",
]
_LAST: Final = [
    "Avenue",
    "Bridge",
    "Canyon",
    "Delta",
    "Echo",
    "Fields",
    "Garden",
    "Hills",
    "Island",
    "Journey",
]
_SECOND: Final = [
    "Mira",
    "Oskar",
    "Lena",
    "Tomas",
    "Ines",
    "Jaro",
    "Freya",
    "Nils",
    "Petra",
    "Ruben",
]
_NAMES: Final = [
    "Holt",
    "Varga",
    "Lindqvist",
    "Moreau",
    "Okafor",
    "Brandt",
    "Sato",
    "Novak",
    "Reyes",
    "Falk",
]
_CYRILLIC: Final = [
    "Мира",
    "Оскар",
    "Лена",
    "Томас",
    "Инес",
    "Яро",
    "Фрея",
    "Нильс",
    "Петра",
    "Рубен",
]


@dataclass
class HardPair:
    """A case: ``right`` is the ISRC that ours has, "" if the source lacks it."""

    family: str
    ours: Ours
    there: list[Song]
    right: str = ""
    field: str = field(default="isrc")


class _Maker:
    """Counts, so that titles, artists and codes of all cases differ."""

    def __init__(self) -> None:
        self.number = 0

    def next(self) -> tuple[str, str, int]:
        n = self.number
        self.number += 1
        title = f"{_FIRST[n % 10]} {_LAST[n // 10 % 10]} {_FIRST[n // 100 % 10]}"
        artist = (
            f"{_SECOND[n % 10]} {_NAMES[(n // 10 + n) % 10]} {n // 100 or ''}".strip()
        )
        return title, artist, 160_000 + 997 * (n % 100)


def hard_pairs() -> list[HardPair]:
    """Return the pairs of all families."""
    make = _Maker()
    return [
        *_two_versions(make, "remaster", 120, ["2011 Remaster", "Remastered 2009"]),
        *_two_versions(make, "live", 120, ["Live", "Live at the Pier 1998"]),
        *_covers(make, 120),
        *_same_titles(make, 100),
        *_guests(make, 100),
        *_two_versions(make, "remix", 100, ["Holt Remix", "Varga Rework"]),
        *_two_versions(make, "edit", 80, ["Radio Edit", "Extended Mix"]),
        *_movements(make, 80),
        *_two_versions(make, "instrumental", 60, ["Instrumental", "Karaoke Version"]),
        *_scripts(make, 60),
        *_partial(make, 30),
        *_shared(make, 30),
    ]


def _two_versions(
    make: _Maker, family: str, count: int, versions: list[str]
) -> Iterator[HardPair]:
    """Yield ours beside another version of the same length; the right one may be absent."""
    for n in range(count):
        title, artist, length = make.next()
        version = versions[n % len(versions)]
        right, wrong = f"QZHP1{make.number:07d}", f"QZHP2{make.number:07d}"
        plain = Song(title, artist, length, (right,))
        other = Song(f"{title} ({version})", artist, length + 400, (wrong,))
        ours = Ours(title, "", (artist,), duration_ms=length + 800)
        if n % 3 == 0:
            yield HardPair(family, ours, [other])
        elif n % 3 == 1:
            yield HardPair(family, ours, [plain, other], right)
        else:
            # Ours is the version, written in a column of its own.
            versioned = Ours(title, version, (artist,), duration_ms=length + 800)
            yield HardPair(family, versioned, [plain, other], wrong)


def _covers(make: _Maker, count: int) -> Iterator[HardPair]:
    for n in range(count):
        title, artist, length = make.next()
        right = f"QZHP1{make.number:07d}"
        if n % 4 == 0:
            artist = f"{artist} & Sons"
        cover = Song(
            title, f"{artist}s Tribute Band", length, (f"QZHP2{make.number:07d}",)
        )
        plain = Song(title, artist, length, (right,))
        ours = Ours(title, "", (artist,), duration_ms=length - 700)
        yield HardPair(
            "cover", ours, [cover, plain] if n % 2 else [cover], right if n % 2 else ""
        )


def _same_titles(make: _Maker, count: int) -> Iterator[HardPair]:
    for n in range(count):
        _title, artist, length = make.next()
        title, right = f"Forever {n % 10}", f"QZHP1{make.number:07d}"
        others = [
            Song(
                title, f"{name} {make.number}", length, (f"QZHP{at}{make.number:07d}",)
            )
            for at, name in enumerate(_NAMES[:3], 2)
        ]
        plain = Song(title, f"{artist} Trio", length, (right,))
        ours = Ours(title, "", (f"{artist} Trio",), duration_ms=length + 300)
        yield HardPair(
            "same title",
            ours,
            [*others, plain] if n % 2 else others,
            right if n % 2 else "",
        )


def _guests(make: _Maker, count: int) -> Iterator[HardPair]:
    for n in range(count):
        title, artist, length = make.next()
        guest, right = (
            f"{_SECOND[n % 10]} {_NAMES[n // 10 % 10]}son",
            f"QZHP1{make.number:07d}",
        )
        written = [
            (f"{title} (feat. {guest})", artist),
            (f"{title} [ft. {guest}]", artist),
            (title, f"{artist} feat. {guest}"),
            (title, f"{artist} & {guest}"),
            (f"{title.upper()} - featuring {guest}", artist),
        ][n % 5]
        there = Song(*written, length, (right,))
        ours = Ours(f"{title} (with {guest})", "", (artist,), duration_ms=length + 200)
        yield HardPair("feat.", ours, [there], right)


def _movements(make: _Maker, count: int) -> Iterator[HardPair]:
    for n in range(count):
        _title, artist, length = make.next()
        piece = f"Symphony No. {n % 9 + 1} in D Minor, Op. {make.number}"
        names = ["I. Allegro", "II. Andante", "III. Scherzo", "IV. Finale"]
        songs = [
            Song(f"{piece}: {name}", artist, length, (f"QZHP{at}{make.number:07d}",))
            for at, name in enumerate(names, 1)
        ]
        mine = n % 4
        ours = Ours(
            f"{piece} - {names[mine]}" if n % 2 else f"{piece}: {names[mine]}",
            "",
            (artist,),
            duration_ms=length + 500,
        )
        if n % 3:
            yield HardPair("movement", ours, songs, songs[mine].isrcs[0])
        else:
            yield HardPair("movement", ours, songs[:mine] + songs[mine + 1 :])


def _scripts(make: _Maker, count: int) -> Iterator[HardPair]:
    for n in range(count):
        title, _artist, length = make.next()
        cyrillic, right = f"{_CYRILLIC[n % 10]} {n}", f"QZHP1{make.number:07d}"
        latin = f"{_SECOND[n % 10]} Yazykov {n}"
        aliases = (latin,) if n % 3 else ()
        there = Song(title, cyrillic, length, (right,), aliases=aliases)
        ours = Ours(title, "", (latin,), duration_ms=length)
        yield HardPair("script", ours, [there], right if aliases else "")


def _partial(make: _Maker, count: int) -> Iterator[HardPair]:
    for _n in range(count):
        title, artist, length = make.next()
        there = Song(title, artist, length, iswc="T-034.524.680-1", is_partial=True)
        ours = Ours(title, "", (artist,), duration_ms=length)
        yield HardPair("partial", ours, [there], field="iswc")


def _shared(make: _Maker, count: int) -> Iterator[HardPair]:
    for _n in range(count):
        title, artist, length = make.next()
        code = f"QZHP1{make.number:07d}"
        other = Song(f"{title} Reprise", artist, length, (code,))
        there = Song(title, artist, length, (code,))
        ours = Ours(title, "", (artist,), duration_ms=length)
        yield HardPair("shared ISRC", ours, [there, other])
