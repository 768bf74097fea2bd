"""Reads a dump of MusicBrainz in a child process; see ``base.common.confined``.

The child unpacks nothing: it takes the tables one after the other from the archive and
sends their rows on. Splitting lines takes a tenth of the time of bzip2, so it needs no
library, and no threads, which a confined process may not start.
"""

from __future__ import annotations

import bz2
import lzma
import re
import tarfile
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final, cast

from plugins.filling.open_data.copy_text import lines_of, values_of
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.musicbrainz.tables import NEEDED, SCHEMA, TABLES
from plugins.filling.open_data.streamed import Send, as_job, send_table
from plugins.filling.open_data.unpacked import limited

_FACTS: Final = frozenset(
    {"TIMESTAMP", "COPYING", "README", "REPLICATION_SEQUENCE", "SCHEMA_SEQUENCE"}
)
_TABLE: Final = re.compile(r"mbdump/([a-z0-9_.]+)")
_FACT_BYTES: Final = 100_000


def read_dump(file: BinaryIO, *, done: Collection[str], send: Send) -> None:
    """Send the rows of the tables of an open archive, without those that are ``done``.

    Raises ``SourceRefused``.
    """
    packed = limited(_open_unpacked(file), file, name="MusicBrainz")
    seen: set[str] = set()
    schema = ""
    try:
        with tarfile.open(fileobj=packed, mode="r|") as archive:
            for member, content in _members(archive):
                if member in _FACTS:
                    value = content.read(_FACT_BYTES).decode("utf-8", "replace").strip()
                    send({"fact": member, "value": value[:200]})
                    schema = value if member == "SCHEMA_SEQUENCE" else schema
                    continue
                name = member.removeprefix("mbdump/")
                if schema != SCHEMA:
                    raise SourceRefused(
                        "dump_schema",
                        f"The dump has schema {schema or 'without a number'}; this "
                        f"version reads schema {SCHEMA}. Update the portal, or use a "
                        "dump with that schema.",
                    )
                seen.add(name)
                if name in TABLES and name not in done:
                    send_table(name, _rows(name, content), send)
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError, ValueError) as error:
        raise SourceRefused(
            "dump_incomplete", f"The archive breaks off or is damaged ({error}). Download it again."
        ) from error
    if missing := sorted(NEEDED - seen):
        raise SourceRefused(
            "dump_incomplete",
            f"The archive has no table {missing[0]}. Download mbdump.tar.bz2 again.",
        )


def _open_unpacked(file: BinaryIO) -> BinaryIO:
    beginning = file.read(6)
    file.seek(0)
    if beginning.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(file))
    if beginning.startswith(b"\xfd7zXZ"):
        return cast("BinaryIO", lzma.LZMAFile(file))
    raise SourceRefused(
        "dump_unreadable", "This is no .tar.bz2 or .tar.xz. Choose mbdump.tar.bz2 of MusicBrainz."
    )


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, BinaryIO]]:
    for member in archive:
        name = member.name.removeprefix("./")
        if member.isdir() and name in (".", "", "mbdump"):
            continue
        content = archive.extractfile(member) if member.isreg() else None
        if content is None or not (name in _FACTS or _TABLE.fullmatch(name)):
            raise SourceRefused(
                "dump_unreadable",
                f"The archive holds “{member.name[:80]}”, which no dump of MusicBrainz "
                "does. Download mbdump.tar.bz2 again.",
            )
        yield name, cast("BinaryIO", content)


def _rows(name: str, content: BinaryIO) -> Iterator[tuple[str | None, ...]]:
    table = TABLES[name]
    columns = tuple(table.columns)
    for line in lines_of(content, name=name):
        yield values_of(line, columns=columns, count=table.count, name=name)


def warm() -> None:
    """Load in advance what reading needs, because the child cannot open files."""
    bz2.compress(b"")
    lzma.compress(b"")


JOBS: Final = {"read": as_job(read_dump)}
