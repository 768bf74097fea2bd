"""Writes invented recordings as a dump of MusicBrainz: COPY text in a true tar.bz2.

Written from CreateTables.sql and PostgreSQL's description of COPY, not from the reader.
"""

from __future__ import annotations

import io
import random
import tarfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

RECORDING_OF: Final = "a3005666-a872-32c3-ad06-98af558e99b0"
PARTIAL: Final = "d2b63be6-91ec-426a-987a-30b47f8aae2d"
# The number of columns of schema 31.
WIDTHS: Final = {
    "artist": 19,
    "artist_alias": 16,
    "artist_credit": 7,
    "artist_credit_name": 5,
    "artist_isni": 4,
    "isrc": 5,
    "iswc": 5,
    "l_recording_work": 9,
    "label": 16,
    "link": 11,
    "link_attribute": 3,
    "link_attribute_type": 8,
    "link_type": 16,
    "medium": 9,
    "recording": 9,
    "release": 14,
    "release_country": 5,
    "release_label": 5,
    "release_group": 8,
    "release_group_secondary_type": 6,
    "release_status": 6,
    "release_group_secondary_type_join": 3,
    "release_unknown_country": 4,
    "track": 12,
    "work": 7,
}
_ESCAPES: Final = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\b": r"\b"}


def copied(value: object) -> str:
    """Return a value as COPY writes it."""
    if value is None:
        return r"\N"
    return "".join(_ESCAPES.get(char, char) for char in str(value))


@dataclass
class Song:
    """A recording of the invented world."""

    title: str
    artist: str
    length_ms: int = 200_000
    isrcs: tuple[str, ...] = ()
    iswc: str = ""
    is_partial: bool = False
    comment: str = ""
    album: str = "Album"
    label: str = "Label"
    barcode: str = ""
    date: tuple[int, int, int] = (1999, 7, 13)
    is_compilation: bool = False
    aliases: tuple[str, ...] = ()
    isnis: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()


@dataclass
class Dump:
    """The tables of a dump under their names, each row with its columns by position."""

    tables: dict[str, list[list[object]]] = field(default_factory=lambda: defaultdict(list))
    schema: str = "31"

    def add(self, table: str, **columns: object) -> int:
        """Add a row with columns ``c1``, ``c3``, …; the others are null. Return its id."""
        row: list[object] = [None] * WIDTHS[table]
        for name, value in columns.items():
            row[int(name[1:]) - 1] = value
        self.tables[table].append(row)
        return len(self.tables[table])

    def write(self, path: Path, *, also: Iterable[tuple[str, bytes]] = ()) -> Path:
        """Write the archive, the tables in alphabetical order."""
        with tarfile.open(path, "w:bz2") as archive:
            facts = {
                "TIMESTAMP": "2026-09-02 00:15:03.812345+00",
                "COPYING": "CC0",
                "README": "",
                "REPLICATION_SEQUENCE": "171717",
                "SCHEMA_SEQUENCE": self.schema,
            }
            for name, text in facts.items():
                _put(archive, name, text.encode())
            for name, rows in sorted(self.tables.items()):
                lines = ("\t".join(map(copied, row)) + "\n" for row in rows)
                _put(archive, f"mbdump/{name}", "".join(lines).encode())
            for name, content in also:
                _put(archive, name, content)
        return path


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def uuid_of(*parts: object) -> str:
    """Return the same UUID for the same parts."""
    return str(UUID(int=random.Random(repr(parts)).getrandbits(128), version=4))  # noqa: S311 - no secret


def dump_of(songs: Iterable[Song]) -> Dump:
    """Return the dump of some recordings, each on a release of its own."""
    dump = Dump()
    type_ = dump.add("link_type", c1=1, c4=RECORDING_OF)
    dump.add("link_attribute_type", c1=7, c5=PARTIAL)
    whole, part = dump.add("link", c1=1, c2=type_), dump.add("link", c1=2, c2=type_)
    dump.add("link_attribute", c1=part, c2=7)
    dump.add("release_status", c1=1, c2="Official")
    dump.add("release_group_secondary_type", c1=1, c2="Compilation")
    for number, song in enumerate(songs, 1):
        _add_song(dump, number, song, part if song.is_partial else whole)
    return dump


def _add_song(dump: Dump, number: int, song: Song, link: int) -> None:
    n = number
    dump.add("artist", c1=n, c2=uuid_of("a", n), c3=song.artist)
    for alias in song.aliases:
        dump.add("artist_alias", c1=n, c2=n, c3=alias)
    for isni in song.isnis:
        dump.add("artist_isni", c1=n, c2=isni)
    dump.add("artist_credit", c1=n, c2=song.artist)
    dump.add("artist_credit_name", c1=n, c2=0, c3=n, c4=song.artist, c5="")
    for place, guest in enumerate(song.guests, 1):
        key = 1_000_000 + 10 * n + place
        dump.add("artist", c1=key, c2=uuid_of("a", guest), c3=guest)
        dump.add("artist_credit_name", c1=n, c2=place, c3=key, c4=guest, c5="")
    dump.add(
        "recording",
        c1=n,
        c2=uuid_of("r", n),
        c3=song.title,
        c4=n,
        c5=song.length_ms or None,
        c6=song.comment,
        c9="f",
    )
    for isrc in song.isrcs:
        dump.add("isrc", c1=len(dump.tables["isrc"]) + 1, c2=n, c3=isrc)
    if song.iswc:
        dump.add("work", c1=n, c2=uuid_of("w", n), c3=song.title)
        dump.add("iswc", c1=n, c2=n, c3=song.iswc)
        dump.add("l_recording_work", c1=n, c2=link, c3=n, c4=n)
    dump.add("label", c1=n, c2=uuid_of("l", n), c3=song.label)
    dump.add(
        "release",
        c1=n,
        c2=uuid_of("e", n),
        c3=song.album,
        c4=n,
        c5=n,
        c6=1,
        c10=song.barcode or None,
    )
    if song.is_compilation:
        dump.add("release_group_secondary_type_join", c1=n, c2=1)
    year, month, day = song.date
    dump.add("release_country", c1=n, c2=81, c3=year, c4=month, c5=day)
    dump.add("release_label", c1=n, c2=n, c3=n)
    dump.add("medium", c1=n, c2=n)
    dump.add("track", c1=n, c2=uuid_of("t", n), c3=n, c4=n, c9=song.length_ms or None)


_FIRST = [
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
    "Kestrel",
    "Lantern",
]
_LAST = [
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
    "Keys",
    "Letters",
]
_BANDS = [
    "Velvet Quarry",
    "The Paper Foxes",
    "Nora Lindqvist",
    "Marble & Rye",
    "Los Faroles",
    "Ökoton",
]


def invented_songs(count: int = 300) -> list[Song]:
    """Return songs with different titles, and codes that pass their checks."""
    made = []
    for n in range(count):
        title = f"{_FIRST[n % 12]} {_LAST[n // 12 % 12]}"
        if n >= 144:
            title += f" {n // 144 + 1}"
        made.append(
            Song(
                title=title,
                artist=_BANDS[n % len(_BANDS)],
                length_ms=150_000 + 731 * n,
                isrcs=(f"QZXX1{n % 100:02d}{n:05d}",),
                iswc=iswc(n),
                album=f"{_BANDS[n % len(_BANDS)]} Sings",
                label=f"Label {n % 9}",
                barcode=barcode(n),
                date=(1980 + n % 40, 1 + n % 12, 1 + n % 28),
            )
        )
    return made


def iswc(number: int) -> str:
    """Return an ISWC as MusicBrainz writes it."""
    digits = f"{900_000_000 + number:09d}"
    check = -(1 + sum(at * int(d) for at, d in enumerate(digits, 1))) % 10
    return f"T-{digits[:3]}.{digits[3:6]}.{digits[6:]}-{check}"


def barcode(number: int) -> str:
    digits = f"{71_000_000_000 + number:011d}"
    weighted = sum(int(d) * (3 if at % 2 == 0 else 1) for at, d in enumerate(digits))
    return f"{digits}{-weighted % 10}"
