"""The tables of MusicBrainz that are read: schema 31, admin/sql/CreateTables.sql (2026-07).

Another schema may have its columns elsewhere, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCHEMA: Final = "31"
# Link types and attributes by their ids, which are the same in every installation.
RECORDING_OF: Final = "a3005666-a872-32c3-ad06-98af558e99b0"
PARTIAL: Final = "d2b63be6-91ec-426a-987a-30b47f8aae2d"
MEDLEY: Final = "37da3398-5d1b-4acb-be25-df95e33e423c"


@dataclass(frozen=True, slots=True)
class DumpTable:
    """A table: its number of columns, and those kept, by position from 1 and name."""

    count: int
    columns: dict[int, str]

    @property
    def create(self) -> str:
        """Return the columns as SQLite creates them."""
        return ", ".join(
            f"{name} {'text' if name in _TEXTS else 'integer'}" for name in self.columns.values()
        )


_TEXTS: Final = frozenset({"gid", "name", "comment", "isni", "isrc", "iswc", "barcode", "video"})
TABLES: Final = {
    "artist": DumpTable(19, {1: "id", 2: "gid", 3: "name"}),
    "artist_alias": DumpTable(16, {2: "artist", 3: "name"}),
    "artist_credit_name": DumpTable(5, {1: "credit", 2: "position", 3: "artist", 4: "name"}),
    "artist_isni": DumpTable(4, {1: "artist", 2: "isni"}),
    "isrc": DumpTable(5, {2: "recording", 3: "isrc"}),
    "iswc": DumpTable(5, {2: "work", 3: "iswc"}),
    "l_recording_work": DumpTable(9, {2: "link", 3: "recording", 4: "work"}),
    "label": DumpTable(16, {1: "id", 3: "name"}),
    "link": DumpTable(11, {1: "id", 2: "type"}),
    "link_attribute": DumpTable(3, {1: "link", 2: "type"}),
    "link_attribute_type": DumpTable(8, {1: "id", 5: "gid"}),
    "link_type": DumpTable(16, {1: "id", 4: "gid"}),
    "medium": DumpTable(9, {1: "id", 2: "release"}),
    "recording": DumpTable(
        9, {1: "id", 2: "gid", 3: "name", 4: "credit", 5: "length", 6: "comment", 9: "video"}
    ),
    "release": DumpTable(14, {1: "id", 3: "name", 5: "release_group", 6: "status", 10: "barcode"}),
    "release_country": DumpTable(5, {1: "release", 3: "year", 4: "month", 5: "day"}),
    "release_group_secondary_type": DumpTable(6, {1: "id", 2: "name"}),
    "release_group_secondary_type_join": DumpTable(3, {1: "release_group", 2: "type"}),
    "release_label": DumpTable(5, {2: "release", 3: "label"}),
    "release_status": DumpTable(6, {1: "id", 2: "name"}),
    "release_unknown_country": DumpTable(4, {1: "release", 2: "year", 3: "month", 4: "day"}),
    "track": DumpTable(12, {3: "recording", 4: "medium"}),
}
# Empty tables are absent from a dump, but no dump is of use without these.
NEEDED: Final = frozenset({"artist", "artist_credit_name", "recording"})
CREATE: Final = "\n".join(
    f"create table if not exists {name} ({table.create});" for name, table in TABLES.items()
)
