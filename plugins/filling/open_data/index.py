"""The index of one source: an SQLite file that is built once and only read afterwards.

It is built beside the old one and replaces it when complete.
"""

from __future__ import annotations

import json
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from base.common.batches import batched
from plugins.filling.open_data.folding import key_of, read_name, split_artists

BUILDING: Final = ".building"
_PARTS: Final = "create table if not exists part (name text primary key, rows integer);"
_TABLES: Final = """
create table if not exists recording (
    id integer primary key, source_id text, title text, version text, comment text,
    artists text, length_ms integer, credit integer
);
create table if not exists artist (
    id integer primary key, name text, mbid text, isni text
);
create table if not exists credit (
    id integer, position integer, artist integer, name text,
    primary key (id, position)
) without rowid;
create table if not exists isrc (recording integer, code text);
create table if not exists work (recording integer, iswc text, is_whole integer);
create table if not exists release (
    id integer primary key, title text, label text, upc text, date text,
    is_official integer, is_compilation integer, is_live integer
);
create table if not exists track (recording integer, release integer);
create table if not exists name_key (key integer, recording integer);
"""
_INDEXES: Final = """
create index if not exists isrc_code on isrc (code);
create index if not exists isrc_recording on isrc (recording);
create index if not exists work_recording on work (recording);
create index if not exists track_recording on track (recording);
create index if not exists track_release on track (release);
create index if not exists release_upc on release (upc);
create index if not exists name_key_key on name_key (key);
"""
Row = Sequence[Any]  # Any: what SQLite stores
ROWS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class FoundRelease:
    """A release that has the recording; ``date`` is 1999, 1999-07 or 1999-07-13."""

    title: str
    label: str
    upc: str
    date: str
    is_official: bool
    is_compilation: bool
    is_live: bool


@dataclass(frozen=True, slots=True)
class SourceArtist:
    """An artist as credited and under the own name, with ids, "" if unknown."""

    names: tuple[str, str]
    mbid: str
    isni: str


@dataclass(frozen=True, slots=True)
class SourceRecording:
    """A recording of a source.

    ``length_ms`` is 0 if unknown. ``credit`` is the number under which the source lists
    its artists with their ids; 0 if it has none.
    """

    number: int
    source_id: str
    title: str
    version: str
    comment: str
    artists: tuple[str, ...]
    length_ms: int
    credit: int = 0


class PartWriter:
    """Writes tables part by part into an SQLite file; a context manager."""

    def __init__(self, path: Path, tables: str, *, page_bytes: int = 4_096) -> None:
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute(f"pragma page_size={page_bytes}")
        self.db.executescript("pragma journal_mode=wal; pragma synchronous=normal;")
        self.db.executescript(_PARTS + tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def parts(self) -> dict[str, int]:
        """Return the parts that are complete, with their numbers of rows."""
        return dict(self.db.execute("select name, rows from part"))

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows to a table; open a part first if none is open.

        All rows have one value for each column.
        """
        if not self.db.in_transaction:
            self.db.execute("begin")
        for batch in batched(rows, ROWS_AT_ONCE):
            marks = ",".join("?" * len(batch[0]))
            self.db.executemany(f"insert into {table} values ({marks})", batch)  # noqa: S608 - our own name

    def end(self, name: str, rows: int) -> None:
        """Complete the open part."""
        if not self.db.in_transaction:
            self.db.execute("begin")
        self.db.execute("insert or replace into part values (?, ?)", (name, rows))
        self.db.execute("commit")


class IndexWriter(PartWriter):
    """Builds the index of a source beside the old one."""

    def __init__(self, path: Path) -> None:
        self._final = path
        building = path.with_name(path.name + BUILDING)
        remove_database(building)
        super().__init__(building, _TABLES)
        # After a crash it is thrown away, so it needs no journal, which would double it.
        self.db.executescript("pragma journal_mode=off; pragma synchronous=off;")

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        # A complete index has its own name by now.
        remove_database(self.path)

    def add_recording(self, recording: SourceRecording, *, other_names: Sequence[str] = ()) -> None:
        """Add a recording under all names of its first artist."""
        row = (
            *(recording.number, recording.source_id, recording.title, recording.version),
            *(
                recording.comment,
                json.dumps(recording.artists),
                recording.length_ms,
                recording.credit,
            ),
        )
        self.add("recording", [row])
        keys = keys_of(recording, other_names)
        self.add("name_key", [(key, recording.number) for key in keys])

    def finish(self) -> int:
        """Make the index readable in place of the old one; return its recordings."""
        if self.db.in_transaction:
            self.db.execute("commit")
        self.db.executescript(_INDEXES)
        count: int = self.db.execute("select count(*) from recording").fetchone()[0]
        self.db.execute("analyze")
        self.db.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self._final)
        return count


def remove_database(path: Path) -> None:
    """Delete an SQLite file and what belongs to it."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def keys_of(recording: SourceRecording, other_names: Sequence[str] = ()) -> set[int]:
    """Return the keys of a recording, one for each name of its first artist."""
    bare = read_name(recording.title, recording.version, recording.comment).bare
    credited = [recording.artists, *([name] for name in other_names)]
    return {name_key(bare, artists) for artists in credited}


def name_key(bare: str, artists: Iterable[str]) -> int:
    """Return the key of a bare title and the first of its artists."""
    return key_of(bare, next(iter(split_artists(artists)), ""))


class SourceIndex(ABC):
    """Finds the recordings of a source, and what it says of each; a context manager."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @abstractmethod
    def with_key(self, key: int) -> list[SourceRecording]:
        """Return the recordings with a bare title of an artist."""

    @abstractmethod
    def with_isrc(self, code: str) -> list[SourceRecording]:
        """Return the recordings that have an ISRC."""

    @abstractmethod
    def with_upc(self, upc: str) -> list[SourceRecording]:
        """Return the tracks of the releases with a UPC, whatever zeros it begins with."""

    @abstractmethod
    def isrcs(self, number: int) -> list[str]:
        """Return the ISRCs of a recording."""

    @abstractmethod
    def recordings_with(self, code: str) -> int:
        """Return how many recordings have an ISRC."""

    @abstractmethod
    def works(self, number: int) -> list[tuple[str, bool]]:
        """Return the ISWCs of a recording's works, and whether it is the whole work."""

    @abstractmethod
    def releases(self, number: int) -> list[FoundRelease]:
        """Return the releases that have a recording."""

    @abstractmethod
    def artists(self, credit: int) -> list[SourceArtist]:
        """Return the artists of a credit, in order."""


class OpenIndex(SourceIndex):
    """Reads a complete index."""

    def with_key(self, key: int) -> list[SourceRecording]:
        return self._fetch_recordings("select recording from name_key where key = ?", key)

    def with_isrc(self, code: str) -> list[SourceRecording]:
        return self._fetch_recordings("select recording from isrc where code = ?", code)

    def with_upc(self, upc: str) -> list[SourceRecording]:
        return self._fetch_recordings(
            "select t.recording from track t join release r on r.id = t.release where r.upc = ?",
            upc.lstrip("0"),
        )

    def isrcs(self, number: int) -> list[str]:
        query = "select distinct code from isrc where recording = ?"
        return [code for (code,) in self._db.execute(query, (number,))]

    def recordings_with(self, code: str) -> int:
        query = "select count(distinct recording) from isrc where code = ?"
        count: int = self._db.execute(query, (code,)).fetchone()[0]
        return count

    def works(self, number: int) -> list[tuple[str, bool]]:
        query = "select distinct iswc, is_whole from work where recording = ?"
        return [(code, bool(whole)) for code, whole in self._db.execute(query, (number,))]

    def releases(self, number: int) -> list[FoundRelease]:
        query = (
            "select distinct r.title, r.label, r.upc, r.date, r.is_official, "
            "r.is_compilation, r.is_live from track t join release r on r.id = t.release "
            "where t.recording = ? limit 200"
        )
        return [
            FoundRelease(*row[:4], *(bool(flag) for flag in row[4:]))
            for row in self._db.execute(query, (number,))
        ]

    def artists(self, credit: int) -> list[SourceArtist]:
        query = (
            "select c.name, a.name, a.mbid, a.isni from credit c "
            "join artist a on a.id = c.artist where c.id = ? order by c.position"
        )
        return [
            SourceArtist((name, own), mbid, isni)
            for name, own, mbid, isni in self._db.execute(query, (credit,))
        ]

    def _fetch_recordings(self, query: str, value: object) -> list[SourceRecording]:
        rows = self._db.execute(
            "select id, source_id, title, version, comment, artists, length_ms, credit "  # noqa: S608 - our own text
            f"from recording where id in ({query}) order by id limit 200",
            (value,),
        )
        return [
            SourceRecording(
                *(number, source_id, title, version, comment),
                tuple(json.loads(artists)),
                length or 0,
                credit,
            )
            for number, source_id, title, version, comment, artists, length, credit in rows
        ]
