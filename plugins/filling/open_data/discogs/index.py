"""The index of Discogs: an SQLite file of packed releases, and of where each key is.

A row for each release, or even each track, would take several times the space. Tracks are
put together into recordings when somebody looks for one.
"""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.filling.open_data.discogs.releases import (
    Block,
    Listed,
    Release,
    Track,
    isrc_key,
    keys_of,
    pack,
    upc_key,
)
from plugins.filling.open_data.folding import is_live_album
from plugins.filling.open_data.index import (
    FoundRelease,
    PartWriter,
    SourceArtist,
    SourceIndex,
    SourceRecording,
)

_SAME_LENGTH_MS: Final = 3_000
# Titles such as "Untitled" are on many more.
_MOST_RELEASES: Final = 500
_TRACKS_OF_RELEASE: Final = 1 << 20
# 2 million releases: sorting their keys takes 170 MB.
_BLOCKS_OF_SEGMENT: Final = 16_000
_PAIRS_OF_BUCKET: Final = 400
# What fits these buckets and blocks with the least space between them.
_PAGE_BYTES: Final = 16_384
_HALF: Final = 32
# ``block.first`` counts the releases before it. ``waiting`` has pairs: half of a key above
# the place of a release. A segment has those of some releases, sorted, in buckets; so many
# first bits of the half key tell the bucket.
_CREATE: Final = """
create table if not exists block (first integer primary key, data blob);
create table if not exists waiting (data blob);
create table if not exists segment (id integer primary key, bits integer);
create table if not exists bucket (id integer primary key, data blob);
"""
_Pairs = NDArray[np.uint64]


class _Placed(NamedTuple):
    """A track of a release; ``number`` tells it from all others."""

    number: int
    release: Release
    track: Track


class DiscogsWriter(PartWriter):
    """Builds the index; it goes on where an earlier one was stopped."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _CREATE, page_bytes=_PAGE_BYTES)
        query = "select count(*) from waiting"
        self._waiting: int = self.db.execute(query).fetchone()[0]

    @property
    def releases(self) -> int:
        """Return how many releases are stored."""
        return self.parts().get("releases", 0)

    @property
    def tracks(self) -> int:
        """Return how many tracks are stored."""
        return self.parts().get("tracks", 0)

    def keep(self, releases: Sequence[Listed]) -> None:
        """Store releases as one block, in one transaction."""
        first, tracks = self.releases, self.tracks
        self.add("block", [(first, pack(releases))])
        pairs = np.fromiter(
            (
                _half(key) << _HALF | place
                for place, (release, of_it) in enumerate(releases, first)
                for key in keys_of(release, of_it)
            ),
            dtype=np.uint64,
        )
        self.add("waiting", [(pairs.tobytes(),)])
        self._waiting += 1
        if self._waiting >= _BLOCKS_OF_SEGMENT:
            self._sort()
        self.db.execute(
            "insert or replace into part values ('tracks', ?)",
            (tracks + sum(len(of_it) for _release, of_it in releases),),
        )
        self.end("releases", first + len(releases))

    def _sort(self) -> None:
        """Make a segment of the pairs that wait."""
        if not self._waiting:
            return
        (size,) = self.db.execute("select sum(length(data)) from waiting").fetchone()
        pairs = np.empty(size // 8, dtype=np.uint64)
        at = 0
        # One row at a time: a second copy of all would take too much memory.
        for (data,) in self.db.execute("select data from waiting"):
            part = np.frombuffer(data, dtype=np.uint64)
            pairs[at : at + len(part)] = part
            at += len(part)
        pairs.sort()
        # Their space is used again.
        self.db.execute("delete from waiting")
        self._waiting = 0
        bits = (len(pairs) // _PAIRS_OF_BUCKET).bit_length()
        (segment,) = self.db.execute("select count(*) from segment").fetchone()
        starts = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
        buckets = np.split(pairs, np.searchsorted(pairs, starts))
        self.add(
            "bucket",
            (
                (segment << _HALF | at, _pack_pairs(bucket))
                for at, bucket in enumerate(buckets)
                if len(bucket)
            ),
        )
        self.add("segment", [(segment, bits)])

    def finish(self, path: Path) -> None:
        """Make the index readable at ``path`` in place of the old one."""
        self.db.execute("begin")
        self._sort()
        self.db.execute("commit")
        self.db.execute("pragma journal_mode=delete")
        self.db.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(path)


def _half(key: int) -> int:
    return key & ((1 << _HALF) - 1)


def _pack_pairs(pairs: _Pairs) -> bytes:
    """Return sorted pairs packed: steps between half keys, then places.

    The first bytes of all come first, then the second: equal bytes pack best together.
    """
    steps = np.diff(pairs >> np.uint64(_HALF), prepend=np.uint64(0)).astype("<u4")
    numbers = np.stack([steps, pairs.astype("<u4")], axis=1)
    return zlib.compress(numbers.view(np.uint8).T.tobytes())


def _unpack_places(packed: bytes, half: int) -> list[int]:
    """Return the places under a half key."""
    planes = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(8, -1)
    numbers = np.ascontiguousarray(planes.T).view("<u4")
    halves = np.cumsum(numbers[:, 0], dtype=np.uint64)
    return [int(place) for place in numbers[halves == half, 1]]


class DiscogsIndex(SourceIndex):
    """Reads a complete index.

    A recording's number is that of one of its tracks: the release's place and the track's.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._segments: list[tuple[int, int]] = self._db.execute(
            "select id, bits from segment order by id"
        ).fetchall()
        self._block = lru_cache(maxsize=64)(self._read_block)
        self._listed = lru_cache(maxsize=1_024)(self._read_listed)

    def with_key(self, key: int) -> list[SourceRecording]:
        return self._find(key, lambda placed: key in placed.track.keys)

    def with_isrc(self, code: str) -> list[SourceRecording]:
        return self._find(isrc_key(code), lambda placed: code in placed.track.isrcs)

    def with_upc(self, upc: str) -> list[SourceRecording]:
        code = upc.lstrip("0")
        return self._find(upc_key(code), lambda placed: placed.release.upc == code)

    def isrcs(self, number: int) -> list[str]:
        isrcs = (placed.track.isrcs for placed in self._recording(number))
        return sorted(set(chain.from_iterable(isrcs)))

    def recordings_with(self, code: str) -> int:
        return len(self.with_isrc(code))

    def works(self, _number: int) -> list[tuple[str, bool]]:
        return []

    def releases(self, number: int) -> list[FoundRelease]:
        releases = dict.fromkeys(placed.release for placed in self._recording(number))
        source_releases = (
            FoundRelease(*release[1:], is_live=is_live_album(release.title)) for release in releases
        )
        return list(dict.fromkeys(source_releases))

    def artists(self, _credit: int) -> list[SourceArtist]:
        return []

    def _find(self, key: int, has: Callable[[_Placed], bool]) -> list[SourceRecording]:
        recordings = [_as_recording(tracks) for tracks in _recordings(self._tracks(key, has))]
        return sorted(recordings, key=lambda recording: recording.number)

    def _recording(self, number: int) -> list[_Placed]:
        """Return all tracks of the recording that has a track."""
        place, at = divmod(number, _TRACKS_OF_RELEASE)
        release, tracks = self._listed(place)
        anchor = _Placed(number, release, tracks[at])
        key = anchor.track.keys[0]
        same = self._tracks(key, lambda placed: placed.track.keys[0] == key)
        return next((recording for recording in _recordings(same) if anchor in recording), [anchor])

    def _tracks(self, key: int, has: Callable[[_Placed], bool]) -> list[_Placed]:
        """Return the tracks of the releases under a key that have what it stands for."""
        return [
            placed
            for place in self._places(key)
            for release, tracks in [self._listed(place)]
            for at, track in enumerate(tracks)
            if has(placed := _Placed(place * _TRACKS_OF_RELEASE + at, release, track))
        ]

    def _places(self, key: int) -> list[int]:
        """Return the places of the first releases under a key, and of very few others."""
        half = _half(key)
        places: list[int] = []
        for segment, bits in self._segments:
            bucket = segment << _HALF | half >> (_HALF - bits)
            query = "select data from bucket where id = ?"
            for (packed,) in self._db.execute(query, (bucket,)):
                places += _unpack_places(packed, half)
        return list(dict.fromkeys(places))[:_MOST_RELEASES]

    def _read_listed(self, place: int) -> Listed:
        query = "select max(first) from block where first <= ?"
        (first,) = self._db.execute(query, (place,)).fetchone()
        return self._block(first).release(place - first)

    def _read_block(self, first: int) -> Block:
        query = "select data from block where first = ?"
        return Block(self._db.execute(query, (first,)).fetchone()[0])


def _recordings(placed: Iterable[_Placed]) -> Iterator[list[_Placed]]:
    """Yield the tracks of each recording.

    Tracks without a length belong to the only recording with one; if there are several,
    nobody knows which.
    """
    grouped: dict[object, list[_Placed]] = defaultdict(list)
    for entry in placed:
        grouped[entry.track.grouping].append(entry)
    for same in grouped.values():
        clusters: list[list[_Placed]] = []
        unknown: list[_Placed] = []
        for entry in sorted(same, key=lambda entry: (entry.track.length_ms, entry.number)):
            length_ms = entry.track.length_ms
            if not length_ms:
                unknown.append(entry)
            elif clusters and length_ms - clusters[-1][0].track.length_ms <= _SAME_LENGTH_MS:
                clusters[-1].append(entry)
            else:
                clusters.append([entry])
        if len(clusters) == 1:
            clusters[0] += unknown
        elif unknown:
            clusters.append(unknown)
        yield from clusters


def _as_recording(tracks: Sequence[_Placed]) -> SourceRecording:
    first = min(tracks)
    lengths = sorted(entry.track.length_ms for entry in tracks if entry.track.length_ms)
    return SourceRecording(
        number=first.number,
        source_id=f"{first.release.number}-{first.track.position}",
        title=first.track.title,
        version="",
        comment="",
        artists=first.track.artists,
        length_ms=lengths[len(lengths) // 2] if lengths else 0,
    )
