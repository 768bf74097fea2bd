"""Makes the index of a dump of Discogs.

Discogs knows tracks of releases, not recordings: tracks with the same title, versions,
artists and length count as one recording.
"""

from __future__ import annotations

import re
from typing import Any, Final

from plugins.filling.open_data.discogs.index import DiscogsIndex, DiscogsWriter
from plugins.filling.open_data.discogs.releases import from_message
from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.index import remove_database
from plugins.filling.open_data.kinds import Reading, SourceFacts, SourceKind, gettext_noop

_FILE_DATE: Final = re.compile(r"discogs_([0-9]{4})([0-9]{2})([0-9]{2})_releases")


def read(reading: Reading) -> SourceFacts:
    """Read the releases that are not read yet, then complete the index."""
    with DiscogsWriter(reading.scratch) as writer:

        def keep(message: dict[str, Any]) -> None:  # Any: JSON
            if releases := [from_message(row) for row in message["releases"]]:
                writer.keep(releases)
            reading.report(writer.tracks)

        request = {"job": "read", "done": writer.releases}
        reading.stream("plugins.filling.open_data.discogs.dump_jobs", request, keep)
        tracks = writer.tracks
        if not tracks:
            raise SourceRefused("dump_incomplete", "The dump has no track. Download it again.")
        writer.finish(reading.index)
    remove_database(reading.scratch)
    match = _FILE_DATE.match(reading.path.name)
    return SourceFacts(rows=tracks, date="-".join(match.groups()) if match else "")


def _address(number: str) -> str:
    release = number.partition("-")[0]
    return f"https://www.discogs.com/release/{release}" if release.isdecimal() else ""


SOURCE: Final = SourceKind(
    name="discogs",
    label=gettext_noop("Discogs (discogs_…_releases.xml.gz)"),
    licence=gettext_noop("CC0 1.0"),
    terms=gettext_noop("Discogs gives its monthly data dumps to the public domain (CC0 1.0)."),
    read=read,
    open=DiscogsIndex,
    sums="discogs_*_CHECKSUM.txt",
    address=_address,
)
