"""Makes the index of a dump of Discogs.

Discogs knows tracks of releases, not recordings: tracks with the same title, versions,
artists and length count as one recording.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from enrichment.open_data.errors import SourceRefused
from enrichment.open_data.folding import (
    is_live_album,
    key_of,
    read_name,
    split_artists,
)
from enrichment.open_data.index import (
    IndexWriter,
    PartWriter,
    Row,
    in_batches,
    name_key,
    remove_database,
)
from enrichment.open_data.kinds import Reading, SourceFacts, SourceKind

_SAME_LENGTH_MS: Final = 3_000
_MOST_KEYS: Final = 20
_AT_ONCE: Final = 5_000
_CREATE: Final = """
create table if not exists release (
    id integer, title text, label text, upc text, date text,
    is_official integer, is_compilation integer, is_live integer
);
create table if not exists track (
    grouping integer, length_ms integer, release integer, position text, title text,
    isrcs text, artists text, key integer, written_key integer
);
"""
_RELEASES: Final = "insert or ignore into release select * from raw.release"
_TRACKS: Final = """
select grouping, length_ms, release, position, title, isrcs, artists, key, written_key
from raw.track order by grouping, length_ms, release, position
"""
_FILE_DATE: Final = re.compile(r"discogs_([0-9]{4})([0-9]{2})([0-9]{2})_releases")


class _Track(NamedTuple):
    """A track; ``isrcs`` have spaces between them, ``artists`` are JSON.

    ``key`` finds it by the artist's own name, ``written_key`` by that on the release.
    """

    grouping: int
    length_ms: int
    release: int
    position: str
    title: str
    isrcs: str
    artists: str
    key: int
    written_key: int


def read(reading: Reading) -> SourceFacts:
    """Read the releases that are not read yet, then build the index."""
    raw = reading.scratch
    with PartWriter(raw, _CREATE) as writer:
        # Each message is one transaction, which notes how far the dump is read.
        done = writer.parts().get("releases", 0)
        rows = 0

        def keep(message: dict[str, Any]) -> None:  # Any: JSON
            nonlocal done, rows
            releases = message["releases"]
            _keep(writer, releases)
            rows += sum(1 + len(tracks) for _number, _facts, tracks in releases)
            done += len(releases)
            writer.end("releases", done)
            reading.report(rows)

        request = {"job": "read", "done": done}
        reading.stream("enrichment.open_data.discogs.dump_jobs", request, keep)
        if not writer.db.execute("select exists (select 1 from track)").fetchone()[0]:
            raise SourceRefused(
                "dump_incomplete", "The dump has no track. Download it again."
            )
    count = _build(raw, reading)
    remove_database(raw)
    found = _FILE_DATE.match(reading.path.name)
    return SourceFacts(rows=count, date="-".join(found.groups()) if found else "")


def _keep(writer: PartWriter, releases: list[list[Any]]) -> None:  # Any: JSON
    writer.add(
        "release",
        (
            (number, *facts, is_live_album(facts[0]))
            for number, facts, _tracks in releases
        ),
    )
    writer.add(
        "track",
        (
            _track(number, *track)
            for number, _facts, tracks in releases
            for track in tracks
        ),
    )


def _track(
    release: int,
    position: str,
    title: str,
    length_ms: int,
    isrcs: Sequence[str],
    artists: Sequence[str],
    written: Sequence[str],
) -> _Track:
    name = read_name(title)
    text, credited = _read_artists(tuple(artists))
    key = name_key(name.bare, artists)
    return _Track(
        grouping=key_of("\x1e".join([name.bare, *sorted(name.versions)]), credited),
        length_ms=length_ms,
        release=release,
        position=position,
        title=title,
        isrcs=" ".join(isrcs),
        artists=text,
        key=key,
        written_key=key if written == artists else name_key(name.bare, written),
    )


# Mostly all tracks of a release have the same artists.
@lru_cache(maxsize=1_024)
def _read_artists(artists: tuple[str, ...]) -> tuple[str, str]:
    """Return artists as JSON and folded."""
    return json.dumps(artists), "\x1e".join(split_artists(artists))


def _build(raw: Path, reading: Reading) -> int:
    with IndexWriter(reading.index) as index:
        index.db.execute("attach database ? as raw", (str(raw),))
        index.db.execute(_RELEASES)
        rows = map(_Track._make, index.db.execute(_TRACKS))
        for batch in in_batches(enumerate(_recordings(rows), 1), _AT_ONCE):
            _add(index, batch)
            reading.report(batch[-1][0])
        index.db.execute("commit")
        index.db.execute("detach database raw")
        return index.finish()


def _recordings(rows: Iterable[_Track]) -> Iterator[list[_Track]]:
    """Yield the tracks of each recording.

    Tracks without a length belong to the only recording with one; if there are several,
    nobody knows which.
    """
    for _grouping, same in groupby(rows, key=lambda track: track.grouping):
        clusters: list[list[_Track]] = []
        unknown: list[_Track] = []
        for track in same:
            if not track.length_ms:
                unknown.append(track)
            elif (
                clusters
                and track.length_ms - clusters[-1][0].length_ms <= _SAME_LENGTH_MS
            ):
                clusters[-1].append(track)
            else:
                clusters.append([track])
        if len(clusters) == 1:
            clusters[0] += unknown
        elif unknown:
            clusters.append(unknown)
        yield from clusters


def _add(index: IndexWriter, recordings: Sequence[tuple[int, list[_Track]]]) -> None:
    """Add recordings by their numbers, table by table."""
    index.add("recording", (_recording(*each) for each in recordings))
    index.add(
        "name_key",
        ((key, number) for number, tracks in recordings for key in _keys(tracks)),
    )
    index.add(
        "isrc",
        (
            (number, code)
            for number, tracks in recordings
            for code in sorted(
                {code for track in tracks for code in track.isrcs.split()}
            )
        ),
    )
    index.add(
        "track",
        (
            (number, release)
            for number, tracks in recordings
            for release in dict.fromkeys(track.release for track in tracks)
        ),
    )


def _recording(number: int, tracks: Sequence[_Track]) -> Row:
    first = min(tracks, key=lambda track: (track.release, track.position))
    lengths = sorted(track.length_ms for track in tracks if track.length_ms)
    length_ms = lengths[len(lengths) // 2] if lengths else 0
    source_id = f"{first.release}-{first.position}"
    return (number, source_id, first.title, "", "", first.artists, length_ms, 0)


def _keys(tracks: Sequence[_Track]) -> set[int]:
    """Return the keys under the artist's own name, which all share, and some others."""
    written = sorted({track.written_key for track in tracks})[:_MOST_KEYS]
    return {tracks[0].key, *written}


def _address(number: str) -> str:
    release = number.partition("-")[0]
    return f"https://www.discogs.com/release/{release}" if release.isdecimal() else ""


SOURCE: Final = SourceKind(
    name="discogs",
    label="Discogs (discogs_…_releases.xml.gz)",
    licence="CC0 1.0",
    terms="Discogs gives its monthly data dumps to the public domain (CC0 1.0).",
    read=read,
    sums="discogs_*_CHECKSUM.txt",
    address=_address,
)
