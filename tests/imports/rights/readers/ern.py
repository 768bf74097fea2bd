"""Reads a new release message of DDEX, ERN 3.8.2 or 4.3, as a whole tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

from tests.imports.rights.readers.claims import (
    SeenMessage,
    SeenRecording,
    SeenRelease,
    SeenShare,
    SeenWork,
)
from tests.monitoring.declarations.readers.common import (
    ReaderFault,
    is_territory,
    is_valid,
)

Node = ElementTree.Element
VERSIONS = {
    "{http://ddex.net/xml/ern/382}NewReleaseMessage": "3.8.2",
    "{http://ddex.net/xml/ern/43}NewReleaseMessage": "4.3",
}
_DEPTH = 40


def parse(data: bytes, name: str) -> SeenMessage:
    """Return the message, or raise the first fault; XML has no lines here."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        line = data[: data.index(b"<!")].count(b"\n") + 1
        raise ReaderFault(line, "DTD", name, "is not allowed")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - without a DTD
    except ElementTree.ParseError as error:
        raise ReaderFault(error.position[0], "XML", name, "is broken") from error
    version = VERSIONS.get(root.tag)
    if version is None:
        raise ReaderFault(0, "message", root.tag, "is no new release message")
    _check_depth(root)
    return _Old(root).message() if version == "3.8.2" else _New(root).message()


def _check_depth(root: Node, depth: int = 1) -> None:
    if depth > _DEPTH:
        raise ReaderFault(0, root.tag, str(depth), f"is deeper than {_DEPTH}")
    for child in root:
        _check_depth(child, depth + 1)


def _text(node: Node, path: str) -> str:
    return (node.findtext(path) or "").strip()


def _checked(node: Node, path: str, kind: str) -> str:
    value = re.sub(r"[\s.-]", "", _text(node, path))
    if value and not is_valid(kind, value):
        raise ReaderFault(0, path, value, f"is no valid {kind}")
    return value


def _duration_ms(node: Node) -> int | None:
    value = _text(node, "Duration")
    if not value:
        return None
    form = r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?"
    found = re.fullmatch(form, value, re.ASCII)
    if found is None or value == "PT":
        raise ReaderFault(0, "Duration", value, "is no duration")
    hours, minutes, seconds = (Decimal(each or 0) for each in found.groups())
    return int(((hours * 60 + minutes) * 60 + seconds) * 1000)


def _day(node: Node, path: str) -> date | None:
    value = _text(node, path)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise ReaderFault(0, path, value, "is no date") from error


def _percent(node: Node) -> Decimal | None:
    """Return the size of a share; of a maximum of one, 0.5 is half."""
    part = node.find("RightSharePercentage")
    if part is None:
        return None
    try:
        size = Decimal((part.text or "").strip())
    except ArithmeticError as error:
        raise ReaderFault(
            0, "RightSharePercentage", str(part.text), "is none"
        ) from error
    if part.get("HasMaxValueOfOne") == "true":
        size *= 100
    if not 0 <= size <= 100:
        raise ReaderFault(0, "RightSharePercentage", str(size), "is not 0 to 100")
    return size


def _kind(role: str) -> str:
    """Return the kind of a share; an administrator collects what others own."""
    return "COL" if "Administrator" in role else "OWN"


def _territories(node: Node, name: str) -> tuple[str, ...]:
    codes = tuple((each.text or "").strip() for each in node.findall(name))
    for code in codes:
        if not is_territory(code):
            raise ReaderFault(0, name, code, "is no territory")
    return codes


class _Tree:
    """What both versions have in common."""

    def __init__(self, root: Node) -> None:
        self.root = root
        header = root.find("MessageHeader")
        if header is None:
            raise ReaderFault(0, "MessageHeader", "", "is missing")
        self.sender = _text(header, "MessageSender/PartyName/FullName")
        self.isrcs: dict[str, str] = {}

    def sound_recordings(self) -> Iterator[Node]:
        for node in self.root.findall("ResourceList/SoundRecording"):
            if not re.fullmatch(r"A\S+", _text(node, "ResourceReference")):
                reference = _text(node, "ResourceReference")
                raise ReaderFault(0, "ResourceReference", reference, "is no A…")
            yield node

    def release(self, node: Node, title: str, label: str, tracks: str) -> SeenRelease:
        references = [(each.text or "").strip() for each in node.iterfind(tracks)]
        known = [self.isrcs[each] for each in references if each in self.isrcs]
        return SeenRelease(
            title=title,
            upc=_checked(node, "ReleaseId/ICPN", "UPC"),
            grid=_checked(node, "ReleaseId/GRid", "GRid"),
            catalogue_number=_text(node, "ReleaseId/CatalogNumber"),
            label=label,
            tracks=tuple(known),
        )


class _Old(_Tree):
    """3.8.2: details by territory, parties by name."""

    def message(self) -> SeenMessage:
        message = SeenMessage(self.sender, "3.8.2")
        works = {
            _text(node, "MusicalWorkReference"): SeenWork(
                number="",
                title=_text(node, "ReferenceTitle/TitleText"),
                iswc=_checked(node, "MusicalWorkId/ISWC", "ISWC"),
            )
            for node in self.root.findall("WorkList/MusicalWork")
        }
        message.works = list(works.values())
        for node in self.sound_recordings():
            recording = self.recording(node)
            self.isrcs[_text(node, "ResourceReference")] = recording.isrc
            for each in node.iter("ResourceMusicalWorkReference"):
                work = works.get((each.text or "").strip())
                if work is not None:
                    recording.iswc = work.iswc
                    work.recordings.append(recording)
            message.recordings.append(recording)
        for node in self.root.findall("ReleaseList/Release"):
            message.releases.append(
                self.release(
                    node,
                    _text(node, "ReferenceTitle/TitleText"),
                    _text(node, "ReleaseDetailsByTerritory/LabelName"),
                    "ReleaseResourceReferenceList/ReleaseResourceReference",
                )
            )
        return message

    def recording(self, node: Node) -> SeenRecording:
        details = "SoundRecordingDetailsByTerritory"
        return SeenRecording(
            isrc=_checked(node, "SoundRecordingId/ISRC", "ISRC"),
            title=_text(node, "ReferenceTitle/TitleText"),
            version_title=_text(node, "ReferenceTitle/SubTitle"),
            artists=tuple(
                _text(each, "PartyName/FullName")
                for each in node.findall(f"{details}/DisplayArtist")
            ),
            duration_ms=_duration_ms(node),
            label=_text(node, f"{details}/LabelName"),
            shares=[
                self.share(each) for each in node.findall(f"{details}/RightsController")
            ],
        )

    def share(self, node: Node) -> SeenShare:
        return SeenShare(
            party=_text(node, "PartyName/FullName"),
            role=_text(node, "RightsControllerRole"),
            right="NR",
            kind=_kind(_text(node, "RightsControllerRole")),
            percent=_percent(node),
            included=_territories(node, "TerritoryOfRegistration"),
            valid_from=_day(node, "StartDate"),
            valid_until=_day(node, "EndDate"),
        )


class _New(_Tree):
    """4.3: parties by reference, editions with their own ISRC."""

    def __init__(self, root: Node) -> None:
        super().__init__(root)
        self.parties = {
            _text(node, "PartyReference"): _text(node, "PartyName/FullName")
            for node in root.findall("PartyList/Party")
        }

    def party(self, node: Node, path: str) -> str:
        reference = _text(node, path)
        if reference and reference not in self.parties:
            raise ReaderFault(0, path, reference, "is no party of the message")
        return self.parties.get(reference, "")

    def message(self) -> SeenMessage:
        message = SeenMessage(self.sender, "4.3")
        for node in self.sound_recordings():
            recordings = [
                self.recording(node, edition)
                for edition in node.findall("SoundRecordingEdition")
            ]
            self.isrcs[_text(node, "ResourceReference")] = recordings[0].isrc
            message.recordings += recordings
            if recordings[0].iswc:
                message.works.append(
                    SeenWork(
                        number="",
                        title=recordings[0].title,
                        iswc=recordings[0].iswc,
                        recordings=recordings,
                    )
                )
        for node in self.root.findall("ReleaseList/Release"):
            message.releases.append(
                self.release(
                    node,
                    _text(node, "DisplayTitle/TitleText"),
                    self.party(node, "ReleaseLabelReference"),
                    ".//ReleaseResourceReference",
                )
            )
        return message

    def recording(self, node: Node, edition: Node) -> SeenRecording:
        return SeenRecording(
            isrc=_checked(edition, "ResourceId/ISRC", "ISRC"),
            title=_text(node, "DisplayTitle/TitleText"),
            version_title=_text(node, "DisplayTitle/SubTitle"),
            artists=tuple(
                self.party(each, "ArtistPartyReference")
                for each in node.findall("DisplayArtist")
            ),
            duration_ms=_duration_ms(node),
            label=self.label(edition),
            iswc=_checked(node, "WorkId/ISWC", "ISWC"),
            shares=[
                self.share(each) for each in node.findall("ResourceRightsController")
            ],
        )

    @staticmethod
    def label(edition: Node) -> str:
        """Return the name in the ℗ line, without its year."""
        return re.sub(r"^[℗\s]*\d{4}\s+", "", _text(edition, "PLine/PLineText"))

    def share(self, node: Node) -> SeenShare:
        delegated = node.find("DelegatedUsageRights")
        rights = node if delegated is None else delegated
        return SeenShare(
            party=self.party(node, "RightsControllerPartyReference"),
            role=_text(node, "RightsControlType"),
            right="NR",
            kind=_kind(_text(node, "RightsControlType")),
            percent=_percent(node),
            included=_territories(rights, "TerritoryOfRightsDelegation"),
            valid_from=_day(rights, "PeriodOfRightsDelegation/StartDate"),
            valid_until=_day(rights, "PeriodOfRightsDelegation/EndDate"),
        )
