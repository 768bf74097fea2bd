"""Reads a new release message of DDEX, ERN 3.8.2 or 4.3, as a whole tree.

The messages of tests have no fault; what the product refuses is tested without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

from plugins.rights.tests.importing.readers.claims import (
    SeenMessage,
    SeenRecording,
    SeenRelease,
    SeenShare,
    SeenWork,
)

Node = ElementTree.Element


def parse(data: bytes, _name: str) -> SeenMessage:
    root = ElementTree.fromstring(data)  # noqa: S314 - our own text
    return _Old(root).message() if "/382}" in root.tag else _New(root).message()


def _text(node: Node, path: str) -> str:
    return (node.findtext(path) or "").strip()


def _texts(node: Node, path: str) -> tuple[str, ...]:
    return tuple((element.text or "").strip() for element in node.iterfind(path))


def _duration_ms(node: Node) -> int:
    form = r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?"
    match = re.fullmatch(form, _text(node, "Duration"))
    assert match
    hours, minutes, seconds = (Decimal(group or 0) for group in match.groups())
    return int(((hours * 60 + minutes) * 60 + seconds) * 1000)


def _day(node: Node, path: str) -> date | None:
    value = _text(node, path)
    return date.fromisoformat(value) if value else None


def _share(node: Node, rights: Node, party: str, names: tuple[str, ...]) -> SeenShare:
    """Return a share; ``names`` are of the role, the territories, start and end."""
    role, territories, start, end = names
    kind = _text(node, role)
    part = node.find("RightSharePercentage")
    percent = None if part is None else Decimal(part.text or "")
    if percent and part is not None and part.get("HasMaxValueOfOne") == "true":
        percent *= 100
    return SeenShare(
        party=party,
        role=kind,
        right="NR",
        # An administrator collects what others own.
        kind="COL" if "Administrator" in kind else "OWN",
        percent=percent,
        included=_texts(rights, territories),
        valid_from=_day(rights, start),
        valid_until=_day(rights, end),
    )


class _Tree:
    """What both versions have in common."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.isrcs: dict[str, str] = {}
        self.parties = {
            _text(node, "PartyReference"): _text(node, "PartyName/FullName")
            for node in root.findall("PartyList/Party")
        }

    def sound_recordings(self) -> Iterator[Node]:
        yield from self.root.findall("ResourceList/SoundRecording")

    def releases(self, title: str, label: str, tracks: str) -> list[SeenRelease]:
        return [
            SeenRelease(
                title=_text(node, title),
                upc=_text(node, "ReleaseId/ICPN"),
                grid=_text(node, "ReleaseId/GRid"),
                catalogue_number=_text(node, "ReleaseId/CatalogNumber"),
                label=self.parties.get(_text(node, label), _text(node, label)),
                tracks=tuple(
                    self.isrcs[track] for track in _texts(node, tracks) if track in self.isrcs
                ),
            )
            for node in self.root.findall("ReleaseList/Release")
        ]


class _Old(_Tree):
    """3.8.2: details by territory, parties by name."""

    def message(self) -> SeenMessage:
        works = {
            _text(node, "MusicalWorkReference"): SeenWork(
                number="",
                title=_text(node, "ReferenceTitle/TitleText"),
                iswc=_text(node, "MusicalWorkId/ISWC"),
            )
            for node in self.root.findall("WorkList/MusicalWork")
        }
        message = SeenMessage(works=list(works.values()))
        for node in self.sound_recordings():
            recording = self.recording(node)
            self.isrcs[_text(node, "ResourceReference")] = recording.isrc
            for element in node.iter("ResourceMusicalWorkReference"):
                if work := works.get((element.text or "").strip()):
                    work.recordings.append(recording)
            message.recordings.append(recording)
        message.releases = self.releases(
            "ReferenceTitle/TitleText",
            "ReleaseDetailsByTerritory/LabelName",
            "ReleaseResourceReferenceList/ReleaseResourceReference",
        )
        return message

    def recording(self, node: Node) -> SeenRecording:
        details = "SoundRecordingDetailsByTerritory"
        role = "RightsControllerRole"
        names = (role, "TerritoryOfRegistration", "StartDate", "EndDate")
        return SeenRecording(
            isrc=_text(node, "SoundRecordingId/ISRC"),
            title=_text(node, "ReferenceTitle/TitleText"),
            version_title=_text(node, "ReferenceTitle/SubTitle"),
            artists=_texts(node, f"{details}/DisplayArtist/PartyName/FullName"),
            duration_ms=_duration_ms(node),
            label=_text(node, f"{details}/LabelName"),
            shares=[
                _share(element, element, _text(element, "PartyName/FullName"), names)
                for element in node.findall(f"{details}/RightsController")
            ],
        )


class _New(_Tree):
    """4.3: parties by reference, editions with their own ISRC."""

    def message(self) -> SeenMessage:
        message = SeenMessage()
        for node in self.sound_recordings():
            recordings = [
                self.recording(node, edition) for edition in node.findall("SoundRecordingEdition")
            ]
            first = recordings[0]
            self.isrcs[_text(node, "ResourceReference")] = first.isrc
            message.recordings += recordings
            if iswc := _text(node, "WorkId/ISWC"):
                work = SeenWork("", first.title, iswc, recordings=recordings)
                message.works.append(work)
        message.releases = self.releases(
            "DisplayTitle/TitleText", "ReleaseLabelReference", ".//ReleaseResourceReference"
        )
        return message

    def recording(self, node: Node, edition: Node) -> SeenRecording:
        line = _text(edition, "PLine/PLineText")
        artists = sorted(
            node.findall("DisplayArtist"), key=lambda artist: int(artist.get("SequenceNumber", "0"))
        )
        return SeenRecording(
            isrc=_text(edition, "ResourceId/ISRC"),
            title=_text(node, "DisplayTitle/TitleText"),
            version_title=_text(node, "DisplayTitle/SubTitle"),
            artists=tuple(
                self.parties[_text(artist, "ArtistPartyReference")] for artist in artists
            ),
            duration_ms=_duration_ms(node),
            # The name in the ℗ line, without its year.
            label=re.sub(r"^[℗\s]*\d{4}\s+", "", line),
            shares=[self.share(element) for element in node.findall("ResourceRightsController")],
        )

    def share(self, node: Node) -> SeenShare:
        delegated = node.find("DelegatedUsageRights")
        period = "PeriodOfRightsDelegation"
        names = (
            *("RightsControlType", "TerritoryOfRightsDelegation"),
            *(f"{period}/StartDate", f"{period}/EndDate"),
        )
        party = self.parties[_text(node, "RightsControllerPartyReference")]
        return _share(node, node if delegated is None else delegated, party, names)
