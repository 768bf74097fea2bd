"""Releases of Discogs as the index keeps them: packed many at once, by columns.

A block is text, compressed: its first line says how many releases and tracks it has, then
each column follows, one value a line. Values of one column are alike, so a block by columns
takes three quarters of what the same releases take one after the other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.folding import key_of, read_name, split_artists
from plugins.filling.open_data.index import name_key

_LEVEL: Final = 9
_RELEASE_COLUMNS: Final = 8
_TRACK_COLUMNS: Final = 6
# An artist's name holds neither; it is empty for the same artists as the track before.
_BETWEEN: Final = "\t"
_NOBODY: Final = "\t"


class Release(NamedTuple):
    """A release; ``upc`` begins with no zero, ``date`` is 1999, 1999-07 or 1999-07-13."""

    number: int
    title: str
    label: str
    upc: str
    date: str
    is_official: bool
    is_compilation: bool


class Track(NamedTuple):
    """A track; ``written`` is the first artist's name on the release if it is another."""

    position: str
    title: str
    length_ms: int
    isrcs: tuple[str, ...]
    artists: tuple[str, ...]
    written: str

    @property
    def keys(self) -> tuple[int, ...]:
        """Return the key under the artist's own name, then the one under the other."""
        bare = read_name(self.title).bare
        own = key_of(bare, _first(self.artists))
        return (own, name_key(bare, [self.written])) if self.written else (own,)

    @property
    def grouping(self) -> tuple[str, frozenset[str], tuple[str, ...]]:
        """Return what tracks of one recording share: title, versions and artists."""
        name = read_name(self.title)
        return name.bare, name.versions, tuple(split_artists(self.artists))


# Mostly all tracks of a release have the same artists.
@lru_cache(maxsize=1_024)
def _first(artists: tuple[str, ...]) -> str:
    return next(iter(split_artists(artists)), "")


def isrc_key(code: str) -> int:
    """Return the key under which the index lists the releases with an ISRC."""
    return key_of(code, "\x1eisrc")


def upc_key(code: str) -> int:
    """Return the key under which the index lists the releases with a UPC."""
    return key_of(code, "\x1eupc")


def keys_of(release: Release, tracks: Iterable[Track]) -> set[int]:
    """Return all keys under which the index lists a release."""
    keys: set[int] = {upc_key(release.upc)} if release.upc else set()
    for track in tracks:
        keys.update(track.keys)
        keys.update(map(isrc_key, track.isrcs))
    return keys


Listed = tuple[Release, list[Track]]


def pack(entries: Sequence[Listed]) -> bytes:
    """Return a block. Raises ``SourceRefused`` if a value has more than one line."""
    releases = [
        (
            *(str(number), title, label, upc, date),
            *(str(int(official)), str(int(compilation)), str(len(tracks))),
        )
        for (number, title, label, upc, date, official, compilation), tracks in entries
    ]
    rows: list[tuple[str, ...]] = []
    before: tuple[str, ...] | None = None
    for track in chain.from_iterable(tracks for _release, tracks in entries):
        names = "" if track.artists == before else _BETWEEN.join(track.artists)
        if track.artists != before:
            names = names or _NOBODY
        before = track.artists
        rows.append(
            (
                *(track.position, track.title, str(track.length_ms // 1000 or "")),
                *(" ".join(track.isrcs), names, track.written),
            )
        )
    columns = chain(zip(*releases, strict=True), zip(*rows, strict=True))
    lines = [f"{len(releases)} {len(rows)}", *chain.from_iterable(columns)]
    text = "\n".join(lines)
    if text.count("\n") != len(lines) - 1:
        raise SourceRefused("dump_unreadable", "The file could not be read.")
    return zlib.compress(text.encode(), _LEVEL)


class Block:
    """An unpacked block."""

    def __init__(self, packed: bytes) -> None:
        lines = zlib.decompress(packed).decode().split("\n")
        releases, tracks = map(int, lines[0].split())
        middle = 1 + releases * _RELEASE_COLUMNS
        self._releases = [lines[at : at + releases] for at in range(1, middle, releases)]
        self._tracks = [
            lines[at : at + tracks]
            for at in range(middle, middle + tracks * _TRACK_COLUMNS, tracks or 1)
        ]

    def release(self, at: int) -> Listed:
        """Return one of the releases, with its tracks."""
        number, title, label, upc, date, official, compilation, count = (
            column[at] for column in self._releases
        )
        first = sum(map(int, self._releases[-1][:at]))
        return (
            Release(
                *(int(number), title, label, upc, date), *(official == "1", compilation == "1")
            ),
            [self._track(at) for at in range(first, first + int(count))],
        )

    def _track(self, at: int) -> Track:
        position, title, seconds, isrcs, _names, written = (column[at] for column in self._tracks)
        names = self._tracks[4]
        artists = next(names[before] for before in range(at, -1, -1) if names[before])
        return Track(
            *(position, title, int(seconds or 0) * 1000),
            *(tuple(isrcs.split()), tuple(filter(None, artists.split(_BETWEEN))), written),
        )


def from_message(row: Sequence[Any]) -> Listed:  # Any: JSON
    """Return a release as the child sent it."""
    number, facts, tracks = row
    return Release(number, *facts), [
        Track(
            *(position, title, length_ms, tuple(isrcs), tuple(artists)),
            written[0] if written and written != artists[:1] else "",
        )
        for position, title, length_ms, isrcs, artists, written in tracks
    ]
