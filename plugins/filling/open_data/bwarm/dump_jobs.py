"""Reads a BWARM feed, packed as a ZIP, in a child process; see ``base.common.confined``.

Cells have no escapes: tabs separate cells, line feeds separate records (bwarm.ddex.net, 6.2.3).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final, cast

from plugins.filling.open_data.bwarm.tables import NEEDED, TABLES, FeedTable
from plugins.filling.open_data.copy_text import lines_of
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.streamed import Send, as_job, send_table
from plugins.filling.open_data.unpacked import limited

# A folder of the feed's name may surround the files.
_MEMBER: Final = re.compile(
    r"(?:BWARM_[0-9A-Za-z_]+/)?(?:([a-z]+)\.tsv|(BWARM_Manifest_[0-9A-Za-z_]+)\.tsv)?"
)
_CREATED: Final = 6


def read_feed(file: BinaryIO, *, done: Collection[str], send: Send) -> None:
    """Send the rows of the tables of an open feed, without those that are ``done``.

    Raises ``SourceRefused``.
    """
    try:
        with zipfile.ZipFile(file) as feed:
            members = _members(feed)
            if missing := sorted(NEEDED - members.keys()):
                raise SourceRefused(
                    "dump_incomplete",
                    f"The feed has no {missing[0]}.tsv. Pack all its files again.",
                )
            for name, member in members.items():
                if name in done:
                    continue
                with feed.open(member) as packed:
                    content = limited(cast("BinaryIO", packed), file, name="BWARM")
                    if name in TABLES:
                        rows = _rows(name, TABLES[name], _records(content, name))
                        send_table(name, rows, send)
                    else:
                        _send_facts(content, send)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise SourceRefused(
            "dump_incomplete", f"The archive breaks off or is damaged ({error}). Download it again."
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise SourceRefused(
            "dump_unreadable",
            f"The ZIP cannot be read ({error}). Pack the files without a password.",
        ) from error


def _members(feed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the tables that are read by name, and the manifest as "manifest"."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in feed.infolist():
        named = _MEMBER.fullmatch(member.filename)
        if named is None:
            raise SourceRefused(
                "dump_unreadable",
                f"The archive holds “{member.filename[:80]}”, which no BWARM feed does. "
                "Pack only the feed's own files.",
            )
        name = "manifest" if named[2] else named[1]
        if name in TABLES or name == "manifest":
            members[name] = member
    return members


def _records(content: BinaryIO, name: str) -> Iterator[list[str]]:
    for line in lines_of(content, name=f"{name}.tsv"):
        record = line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r")
        if record:
            yield record.split("\t")


def _rows(name: str, table: FeedTable, records: Iterator[list[str]]) -> Iterator[tuple[str, ...]]:
    heading = next(records, [])
    if not heading or not heading[0].startswith("#"):
        if not heading:
            return
        raise SourceRefused(
            "dump_columns",
            f"{name}.tsv does not begin with the names of its columns, such as "
            "#ResourceRecordId. Ask its sender for headings.",
        )
    names = [cell.strip() for cell in (heading[0][1:], *heading[1:])]
    places = [_place(name, table, ours, names) for ours in table.columns]
    for record in records:
        if len(record) != len(names):
            raise SourceRefused(
                "dump_columns",
                f"A record of {name}.tsv has {len(record)} columns, not {len(names)}. "
                "Download the feed again.",
            )
        yield tuple("" if at is None else record[at].strip() for at in places)


def _place(name: str, table: FeedTable, ours: str, names: list[str]) -> int | None:
    theirs = table.columns[ours]
    place = next((names.index(heading) for heading in theirs if heading in names), None)
    if place is None and ours not in table.optional:
        raise SourceRefused(
            "dump_columns",
            f"{name}.tsv has no column {theirs[0]}. This version reads BWARM 2: ask the "
            "sender for it, or update the portal.",
        )
    return place


def _send_facts(content: BinaryIO, send: Send) -> None:
    """Send the version and the day that the manifest's header record names."""
    for record in _records(content, "the manifest"):
        if not record[0].startswith("#"):
            send({"fact": "version", "value": record[0][:20]})
            if len(record) > _CREATED:
                send({"fact": "date", "value": record[_CREATED][:10]})
            return


def warm() -> None:
    """Load in advance what reading needs, because the child cannot open files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as feed:
        feed.writestr("resources.tsv", "")
    with zipfile.ZipFile(packed) as feed:
        feed.read("resources.tsv")


JOBS: Final = {"read": as_job(read_feed)}
