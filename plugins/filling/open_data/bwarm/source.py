"""Makes the index of a BWARM feed: which ISRC embodies which ISWC, and on what releases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from plugins.filling.open_data.bwarm.tables import CREATE, TABLES
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.folding import is_live_album
from plugins.filling.open_data.index import (
    IndexWriter,
    PartWriter,
    Row,
    SourceRecording,
    remove_database,
)
from plugins.filling.open_data.kinds import Reading, SourceFacts, SourceKind, gettext_noop
from plugins.filling.open_data.streamed import store_tables

# DDEX separates several values in a cell with it.
_SEVERAL: Final = "|"
_DURATION: Final = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_RAW_INDEXES: Final = """
create index if not exists resource_id on resources (id);
create index if not exists work_id on musicalworks (id);
create index if not exists link_resource on workresourcelinks (resource);
create index if not exists release_id on releases (id);
"""
_ISRCS: Final = """
insert into isrc select rowid, upper(replace(replace(isrc, '-', ''), ' ', ''))
from raw.resources where isrc <> ''
"""
# A resource with several works is a medley, or nobody knows which.
_WORKS: Final = """
insert into work
select distinct r.rowid, replace(replace(w.iswc, '.', ''), '-', ''),
    (select count(distinct o.work) from raw.workresourcelinks o
        where o.resource = r.id) = 1
from raw.workresourcelinks l
join raw.resources r on r.id = l.resource
join raw.musicalworks w on w.id = l.work and w.iswc <> ''
"""
_TRACKS: Final = """
insert into track select r.rowid, e.rowid
from raw.resources r join raw.releases e on e.id = r.release
"""
_RECORDINGS: Final = """
select rowid, id, title, version, artist, isni, duration from raw.resources
where type = 'SoundRecording' and title <> '' order by rowid
"""


def read(reading: Reading) -> SourceFacts:
    """Read the tables that are not read yet, and build the index."""
    raw = reading.scratch
    facts = store_tables(
        reading, jobs="plugins.filling.open_data.bwarm.dump_jobs", create=CREATE, names=TABLES
    )
    rows = _build(raw, reading)
    remove_database(raw)
    if not rows:
        raise SourceRefused("dump_incomplete", "The feed has no sound recording.")
    return SourceFacts(rows=rows, schema=facts.get("version", ""), date=facts.get("date", ""))


def _build(raw: Path, reading: Reading) -> int:
    with PartWriter(raw, "") as writer:
        writer.db.executescript(_RAW_INDEXES)
    with IndexWriter(reading.index) as index:
        index.db.execute("attach database ? as raw", (str(raw),))
        index.db.execute(_ISRCS)
        index.db.execute(_WORKS)
        index.db.execute(_TRACKS)
        index.add("release", _releases(index))
        for row in index.db.execute(_RECORDINGS):
            _add(index, row)
            if row[0] % 10_000 == 0:
                reading.report(row[0])
        return index.finish()


def _releases(index: IndexWriter) -> Iterator[Row]:
    rows = index.db.execute("select rowid, title, label, icpn, date from raw.releases")
    for number, title, label, icpn, date in rows:
        # If there are several codes, nobody knows which one is the release's own.
        upc = "" if _SEVERAL in icpn else icpn.lstrip("0")
        first = min(filter(None, date.split(_SEVERAL)), default="")
        name = label.split(_SEVERAL)[0]
        yield number, title, name, upc, first, 1, 0, is_live_album(title)


def _add(index: IndexWriter, row: Row) -> None:
    number, source_id, title, version, artist, isni, duration = row
    names = tuple(name for name in artist.split(_SEVERAL) if name)
    is_one = len(names) == 1
    if is_one and isni:
        index.add("artist", [(number, names[0], "", isni)])
        index.add("credit", [(number, 0, number, names[0])])
    recording = SourceRecording(
        *(number, source_id, title, version, "", names),
        _length(duration),
        number if is_one and isni else 0,
    )
    index.add_recording(recording)


def _length(duration: str) -> int:
    """Return milliseconds; 0 unless it is an ISO 8601 duration, which states its units."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        return 0
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return round(((hours * 60 + minutes) * 60 + seconds) * 1000)


SOURCE: Final = SourceKind(
    name="bwarm",
    label=gettext_noop("BWARM (the tables of The MLC and others, as .zip)"),
    licence=gettext_noop("Your contract"),
    terms=gettext_noop("Your contract with the sender of the tables lets you use them for this."),
    read=read,
)
