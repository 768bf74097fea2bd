"""The BWARM tables that are read, by the names of DDEX's standard, version 2.

A feed may lack the optional columns. Feeds of earlier versions, whose columns have other
names, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FeedTable:
    """A table of a feed; columns go by our names, with the names that feeds use.

    Those in ``optional`` may be missing, and are "" then.
    """

    columns: dict[str, tuple[str, ...]]
    optional: frozenset[str] = frozenset()

    @property
    def create(self) -> str:
        """Return the columns as SQLite creates them."""
        return ", ".join(f"{name} text" for name in self.columns)


TABLES: Final = {
    "resources": FeedTable(
        {
            "id": ("ResourceRecordId",),
            "type": ("ResourceType",),
            "isrc": ("ISRC",),
            "title": ("Title",),
            "version": ("SubTitle",),
            "artist": ("DisplayArtistName",),
            "isni": ("DisplayArtistISNI",),
            "duration": ("Duration",),
            "release": ("ReleaseRecordId",),
        },
        frozenset({"isni", "duration", "release"}),
    ),
    "musicalworks": FeedTable({"id": ("MusicalWorkRecordId",), "iswc": ("ISWC",)}),
    # The standard's own table calls the work MusicalWorkId, and its text otherwise.
    "workresourcelinks": FeedTable(
        {"work": ("MusicalWorkRecordId", "MusicalWorkId"), "resource": ("ResourceRecordId",)}
    ),
    "releases": FeedTable(
        {
            "id": ("ReleaseRecordId",),
            "icpn": ("ICPN",),
            "title": ("ReleaseTitle",),
            "label": ("LabelName",),
            "date": ("ReleaseDate",),
        },
        frozenset({"date"}),
    ),
}
NEEDED: Final = frozenset({"resources", "musicalworks", "workresourcelinks"})
CREATE: Final = "\n".join(
    f"create table if not exists {name} ({table.create});" for name, table in TABLES.items()
)
