"""Makes the index of a dump of MusicBrainz: its tables first, then what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from plugins.filling.open_data.index import (
    IndexWriter,
    PartWriter,
    SourceRecording,
    remove_database,
)
from plugins.filling.open_data.kinds import Reading, SourceFacts, SourceKind, gettext_noop
from plugins.filling.open_data.musicbrainz.tables import (
    CREATE,
    MEDLEY,
    PARTIAL,
    RECORDING_OF,
    TABLES,
)
from plugins.filling.open_data.streamed import store_tables

_MBID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RAW_INDEXES: Final = """
create index if not exists alias_artist on artist_alias (artist);
create index if not exists credit_name on artist_credit_name (credit, position);
create index if not exists artist_id on artist (id);
create index if not exists isni_artist on artist_isni (artist);
create index if not exists country_release on release_country (release);
create index if not exists unknown_release on release_unknown_country (release);
create index if not exists label_release on release_label (release);
create index if not exists label_id on label (id);
create index if not exists link_id on link (id);
create index if not exists attribute_link on link_attribute (link);
create index if not exists iswc_work on iswc (work);
create index if not exists medium_id on medium (id);
create index if not exists type_group on release_group_secondary_type_join (release_group);
create table if not exists credit (id integer primary key, artists text, names text);
delete from credit;
"""
_ISRCS: Final = "insert into isrc select recording, isrc from raw.isrc"
_WORKS: Final = """
insert into work
select w.recording, replace(replace(i.iswc, '.', ''), '-', ''),
    not exists (
        select 1 from raw.link_attribute a
        join raw.link_attribute_type t on t.id = a.type
        where a.link = w.link and t.gid in (:partial, :medley))
from raw.l_recording_work w
join raw.link l on l.id = w.link
join raw.link_type t on t.id = l.type and t.gid = :recording_of
join raw.iswc i on i.work = w.work
"""
_OF_GROUP: Final = """
exists (select 1 from raw.release_group_secondary_type_join j
    join raw.release_group_secondary_type s on s.id = j.type
    where j.release_group = r.release_group and lower(s.name) = '{}')
"""
_DATE: Final = """
select printf('%04d', d.year) || coalesce(printf('-%02d', d.month), '')
    || case when d.month is null then '' else coalesce(printf('-%02d', d.day), '') end as day
from raw.{} d where d.release = r.id and d.year is not null
"""
_RELEASES: Final = """
insert into release
select r.id, r.name,
    coalesce((select l.name from raw.release_label x join raw.label l on l.id = x.label
        where x.release = r.id order by x.rowid limit 1), ''),
    ltrim(coalesce(r.barcode, ''), '0'),
    coalesce((select min(day) from ({country} union all {unknown})), ''),
    coalesce((select lower(s.name) = 'official' from raw.release_status s
        where s.id = r.status), 0),
    {compilation}, {live}
from raw.release r
""".format(  # noqa: S608 - our own text
    country=_DATE.format("release_country"),
    unknown=_DATE.format("release_unknown_country"),
    compilation=_OF_GROUP.format("compilation"),
    live=_OF_GROUP.format("live"),
)
_TRACKS: Final = """
insert into track select distinct t.recording, m.release
from raw.track t join raw.medium m on m.id = t.medium
"""
_ARTISTS: Final = """
insert into artist
select a.id, a.name, a.gid, coalesce(
    (select min(i.isni) from raw.artist_isni i where i.artist = a.id
        having count(*) = 1), '')
from raw.artist a
"""
_CREDITS: Final = """
insert or ignore into credit
select n.credit, n.position, n.artist, n.name from raw.artist_credit_name n
"""
_RECORDINGS: Final = """
select r.id, r.gid, r.name, coalesce(r.comment, ''),
    cast(r.length as integer), c.id, c.artists, c.names
from raw.recording r join raw.credit c on c.id = r.credit
where coalesce(r.video, 'f') <> 't'
"""


def read(reading: Reading) -> SourceFacts:
    """Read the tables that are not read yet, and build the index."""
    raw = reading.scratch
    facts = store_tables(
        reading, jobs="plugins.filling.open_data.musicbrainz.dump_jobs", create=CREATE, names=TABLES
    )
    rows = _build(raw, reading)
    remove_database(raw)
    return SourceFacts(
        schema=facts.get("SCHEMA_SEQUENCE", ""), date=facts.get("TIMESTAMP", "")[:10], rows=rows
    )


def _build(raw: Path, reading: Reading) -> int:
    with PartWriter(raw, "") as writer:
        writer.db.executescript(_RAW_INDEXES)
        writer.add("credit", _credits(writer))
        writer.end("credit", 0)
    with IndexWriter(reading.index) as index:
        index.db.execute("attach database ? as raw", (str(raw),))
        index.db.execute(_ISRCS)
        parameters = {"partial": PARTIAL, "medley": MEDLEY, "recording_of": RECORDING_OF}
        index.db.execute(_WORKS, parameters)
        index.db.execute(_RELEASES)
        index.db.execute(_TRACKS)
        index.db.execute(_ARTISTS)
        index.db.execute(_CREDITS)
        for count, row in enumerate(index.db.execute(_RECORDINGS)):
            number, gid, name, comment, length, credit, artists, names = row
            recording = SourceRecording(
                *(number, gid, name, "", comment), tuple(json.loads(artists)), length or 0, credit
            )
            index.add_recording(recording, other_names=json.loads(names))
            if count % 10_000 == 0:
                reading.report(count)
        return index.finish()


def _credits(writer: PartWriter) -> Iterator[tuple[int, str, str]]:
    """Yield each credit with its artists, and other names of the first one."""
    query = (
        "select n.credit, n.name, a.name, a.id from artist_credit_name n "
        "left join artist a on a.id = n.artist order by n.credit, n.position"
    )
    credit: int | None = None
    artists: list[str] = []
    other_names: list[str] = []
    for number, name, own_name, artist in writer.db.execute(query):
        if number != credit:
            if credit is not None:
                yield credit, json.dumps(artists), json.dumps(other_names)
            credit, artists = number, []
            aliases = writer.db.execute("select name from artist_alias where artist = ?", (artist,))
            other_names = [own_name or name, *(alias for (alias,) in aliases)]
        artists.append(name)
    if credit is not None:
        yield credit, json.dumps(artists), json.dumps(other_names)


def _address(mbid: str) -> str:
    is_known = _MBID.fullmatch(mbid)
    return f"https://musicbrainz.org/recording/{mbid}" if is_known else ""


SOURCE: Final = SourceKind(
    name="musicbrainz",
    label=gettext_noop("MusicBrainz (mbdump.tar.bz2)"),
    licence=gettext_noop("CC0 1.0"),
    terms=gettext_noop(
        "MusicBrainz gives its core data, mbdump.tar.bz2, to the public domain (CC0 1.0)."
    ),
    read=read,
    address=_address,
)
