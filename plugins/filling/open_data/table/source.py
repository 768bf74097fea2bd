"""Makes the index of a list that the distributor or the label sent, as CSV or XLSX.

Its columns are named as in an import of recordings. ``length_ms`` may be missing.
"""

from __future__ import annotations

from typing import Final

from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.index import IndexWriter, SourceRecording
from plugins.filling.open_data.kinds import Reading, SourceFacts, SourceKind, gettext_noop

COLUMNS: Final = (
    *("title", "version_title", "artists", "album", "label", "release_date"),
    *("isrc", "upc", "iswc", "duration_ms", "custom_id"),
)


def read(reading: Reading) -> SourceFacts:
    """Build the index from the table's rows."""
    with IndexWriter(reading.index) as index:
        for number, cells in enumerate(reading.rows(), 1):
            reading.report(number)
            _add(index, number, cells)
        rows = index.finish()
    if not rows:
        raise SourceRefused("dump_incomplete", "The table has no row with a title.")
    return SourceFacts(rows=rows)


def _add(index: IndexWriter, number: int, cells: dict[str, str]) -> None:
    if not cells.get("title"):
        return
    length = cells.get("duration_ms", "")
    recording = SourceRecording(
        number=number,
        source_id=cells.get("custom_id") or f"row {number}",
        title=cells["title"],
        version=cells.get("version_title", ""),
        comment="",
        artists=tuple(name.strip() for name in cells.get("artists", "").split("|") if name.strip()),
        length_ms=int(length) if length.isdecimal() and len(length) < 10 else 0,
    )
    index.add_recording(recording)
    if code := cells.get("isrc"):
        index.add("isrc", [(number, code.upper().replace("-", "").replace(" ", ""))])
    if code := cells.get("iswc"):
        bare = code.upper().replace(".", "").replace("-", "").replace(" ", "")
        index.add("work", [(number, bare, 1)])
    release = tuple(cells.get(name, "") for name in ("album", "label", "upc", "release_date"))
    if any(release):
        title, label, upc, date = release
        row = (number, title, label, upc.strip().lstrip("0"), date, 1, 0, 0)
        index.add("release", [row])
        index.add("track", [(number, number)])


SOURCE: Final = SourceKind(
    name="table",
    label=gettext_noop("A list of your own (CSV or XLSX)"),
    licence=gettext_noop("Your own"),
    terms=gettext_noop("The list is yours, or its owner lets you use it for this."),
    read=read,
)
