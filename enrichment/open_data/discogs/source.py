"""Makes the index of a dump of Discogs.

Discogs knows tracks of releases, not recordings: tracks with the same title, versions,
artists and length count as one recording.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

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
    SourceRecording,
    remove_database,
)
from enrichment.open_data.kinds import Reading, SourceFacts, SourceKind

_SAME_LENGTH_MS: Final = 3_000
_MOST_NAMES: Final = 20
_CREATE: Final = """
create table if not exists release (
    id integer, title text, label text, upc text, date text,
    is_official integer, is_compilation integer, is_live integer
);
create table if not exists track (
    grouping integer, length_ms integer, release integer, position text, title text,
    isrcs text, artists text, names text
);
"""
_RELEASES: Final = "insert or ignore into release select * from raw.release"
_TRACKS: Final = """
select grouping, length_ms, release, position, title, isrcs, artists, names
from raw.track order by grouping, length_ms, release, position
"""
_FILE_DATE: Final = re.compile(r"discogs_([0-9]{4})([0-9]{2})([0-9]{2})_releases")


@dataclass(frozen=True, slots=True)
class _Track:
    grouping: int
    length_ms: int
    release: int
    position: str
    title: str
    isrcs: str
    artists: str
    names: str


def read(reading: Reading) -> SourceFacts:
    """Read the releases that are not read yet, then build the index."""
    raw = reading.scratch
    with PartWriter(raw, _CREATE) as writer:
        # Each message is one transaction, which notes how far the dump is read.
        done = writer.parts().get("releases", 0)
        rows = 0

        def keep(message: dict[str, Any]) -> None:  # Any: JSON
            nonlocal done, rows
            for release in message["releases"]:
                _keep_release(writer, *release)
                rows += 1 + len(release[-1])
            done += len(message["releases"])
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


def _keep_release(
    writer: PartWriter,
    number: int,
    facts: list[Any],  # Any: JSON
    tracks: list[list[Any]],  # Any: JSON
) -> None:
    writer.add("release", [(number, *facts, is_live_album(facts[0]))])
    rows = []
    for position, title, length, isrcs, artists, names in tracks:
        name = read_name(title)
        who = "\x1e".join(split_artists(artists))
        grouping = key_of("\x1e".join([name.bare, *sorted(name.versions)]), who)
        texts = (json.dumps(each) for each in (isrcs, artists, names))
        rows.append((grouping, length, number, position, title, *texts))
    writer.add("track", rows)


def _build(raw: Path, reading: Reading) -> int:
    with IndexWriter(reading.index) as index:
        index.db.execute("attach database ? as raw", (str(raw),))
        index.db.execute(_RELEASES)
        rows = (_Track(*row) for row in index.db.execute(_TRACKS))
        for number, tracks in enumerate(_recordings(rows), 1):
            _add(index, number, tracks)
            if number % 10_000 == 0:
                reading.report(number)
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


def _add(index: IndexWriter, number: int, tracks: list[_Track]) -> None:
    first = min(tracks, key=lambda track: (track.release, track.position))
    lengths = sorted(track.length_ms for track in tracks if track.length_ms)
    found = SourceRecording(
        number=number,
        source_id=f"{first.release}-{first.position}",
        title=first.title,
        version="",
        comment="",
        artists=tuple(json.loads(first.artists)),
        length_ms=lengths[len(lengths) // 2] if lengths else 0,
    )
    names = {name for track in tracks for name in json.loads(track.names)}
    index.add_recording(found, other_names=sorted(names)[:_MOST_NAMES])
    codes = {code for track in tracks for code in json.loads(track.isrcs)}
    index.add("isrc", [(number, code) for code in sorted(codes)])
    releases = dict.fromkeys(track.release for track in tracks)
    index.add("track", [(number, release) for release in releases])


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
