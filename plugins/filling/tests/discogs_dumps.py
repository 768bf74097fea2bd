"""Writes invented releases as Discogs dumps them: one line each, in a true .xml.gz.

Written from the samples of a dump of 2020-08-06 that philipmat/discogs-xml2db publishes
(tests/samples), not from the reader.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

# What the index does not need makes up half of a dump.
_EXTRA = "".join(
    f"<artist><id>{239 + n}</id><name>Somebody Else</name><anv/><join/>"
    f"<role>{role}</role><tracks/></artist>"
    for n, role in enumerate(("Music By [All Tracks By]", "Producer", "Mastered By"))
)
_VIDEO = (
    '<video src="https://www.youtube.com/watch?v=x" duration="296" embed="true">'
    "<title>Not the title</title><description>Promo</description></video>"
)
_COMPANY = (
    "<company><id>266169</id><name>Some Works</name><catno/><entity_type>23"
    "</entity_type><entity_type_name>Mastered At</entity_type_name>"
    "<resource_url>https://api.discogs.com/labels/266169</resource_url></company>"
)


@dataclass
class Pressing:
    """A release: its tracks as (position, title, duration), ISRCs by description."""

    tracks: list[tuple[str, str, str]]
    artist: str = "Velvet Quarry"
    title: str = "Album"
    label: str = "Label"
    barcode: str = ""
    released: str = "1999-07-13"
    formats: tuple[str, ...] = ("LP", "Album")
    isrcs: dict[str, str] = field(default_factory=dict)
    anv: str = ""
    status: str = "Accepted"
    sub_tracks: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)

    def xml(self, number: int) -> str:
        described = "".join(f"<description>{escape(form)}</description>" for form in self.formats)
        codes = "".join(
            f'<identifier type="ISRC" description={quoteattr(label)} value="{code}"/>'
            for label, code in self.isrcs.items()
        )
        if self.barcode:
            codes = f'<identifier type="Barcode" value="{self.barcode}"/>{codes}'
        return (
            f'<release id="{number}" status="{self.status}"><images><image type="primary" '
            'uri="" uri150="" width="600" height="600"/></images>'
            f"<artists><artist><id>{number}</id><name>{escape(self.artist)}</name>"
            f"<anv>{escape(self.anv)}</anv><join/><role/><tracks/></artist></artists>"
            f"<title>{escape(self.title)}</title>"
            f'<labels><label name={quoteattr(self.label)} catno="SK032" id="5"/></labels>'
            f"<extraartists>{_EXTRA}</extraartists>"
            f'<formats><format name="Vinyl" qty="1" text=""><descriptions>{described}'
            "</descriptions></format></formats><genres><genre>Electronic</genre></genres>"
            f"<country>Sweden</country><released>{self.released}</released>"
            "<notes>Two lines,\n&#13;\nand <![CDATA[<more>]]></notes>"
            "<data_quality>Needs Vote</data_quality>"
            f"<tracklist>{''.join(self._track(track) for track in self.tracks)}</tracklist>"
            f"<identifiers>{codes}</identifiers><videos>{_VIDEO * 3}</videos>"
            f"<companies>{_COMPANY * 2}</companies></release>"
        )

    def _track(self, track: tuple[str, str, str]) -> str:
        position, title, duration = track
        parts = "".join(self._track(sub_track) for sub_track in self.sub_tracks.get(title, []))
        inside = f"<sub_tracks>{parts}</sub_tracks>" if parts else ""
        return (
            f"<track><position>{position}</position><title>{escape(title)}</title>"
            f"<duration>{duration}</duration>{inside}</track>"
        )


def write_discogs(folder: Path, pressings: Iterable[Pressing], *, root: str = "releases") -> Path:
    """Write a dump under the name that Discogs gives it."""
    path = folder / f"discogs_20260901_{root}.xml.gz"
    lines = "\n".join(pressing.xml(number) for number, pressing in enumerate(pressings, 1))
    path.write_bytes(gzip.compress(f"<{root}>\n{lines}\n</{root}>".encode()))
    return path
