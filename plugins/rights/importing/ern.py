"""Reads DDEX ERN 3.8 and 4.3 with their later versions: parties, works, recordings and releases.

A deal says where a release may be offered, never who owns it, so deals are only counted
and checked. The message is read once; its resources are kept until their releases come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO, Final

from django.utils.translation import gettext as _

from catalogue.owners.tis import UnknownTerritory, normalised
from plugins.rights.claims import (
    ClaimFault,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    WorkClaim,
)
from plugins.rights.importing.ern_claims import (
    ErnParties,
    recordings_of,
    release_of,
    title_of,
    tracks_of,
)
from plugins.rights.importing.faults import MessageRefused, Read, ReadCounts, fault
from plugins.rights.importing.xml_records import XmlReader, XmlRecord

FORMAT: Final = "ERN"
MESSAGE: Final = "NewReleaseMessage"
_VERSIONS = {"382": "3.8.2", "383": "3.8.3", "43": "4.3", "431": "4.3.1", "432": "4.3.2"}
_NAMESPACE = re.compile(r"https?://(?:service\.)?ddex\.net/xml/([a-z-]+)/([0-9]+)")
MAX_RESOURCES: Final = 20_000
MAX_PARTIES: Final = 20_000
# One transaction each, during which nobody else can write.
_BATCH = 50


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARTY = _names(
    "PartyName FullName KeyName NamesBeforeKeyName PartyId DPID ISNI IpiNameNumber IPN "
    "PartyReference"
)
_TITLE = _names("ReferenceTitle DisplayTitle TitleText SubTitle")
_ARTIST = _names("DisplayArtist DisplayArtistName ArtistPartyReference")
_LINES = _names("PLine CLine Year PLineText CLineText")
_CONTROLLER = _names(
    "RightsController ResourceRightsController RightsControllerPartyReference "
    "RightsControllerRole RightsControlType RightShareUnknown RightSharePercentage "
    "TerritoryOfRegistration StartDate EndDate StartDateTime EndDateTime "
    "DelegatedUsageRights UseType PeriodOfRightsDelegation TerritoryOfRightsDelegation"
)
_LISTS: Final = {
    "PartyList": _PARTY,
    "WorkList": _TITLE | _names("MusicalWorkId ISWC MusicalWorkReference"),
    "ResourceList": _PARTY
    | _TITLE
    | _ARTIST
    | _LINES
    | _CONTROLLER
    | _names(
        "ResourceReference SoundRecordingId ISRC SoundRecordingEdition ResourceId "
        "SoundRecordingDetailsByTerritory TerritoryCode LabelName Duration "
        "IndirectSoundRecordingId ISWC WorkId ResourceMusicalWorkReferenceList "
        "ResourceMusicalWorkReference"
    ),
    "ReleaseList": _PARTY
    | _TITLE
    | _ARTIST
    | _LINES
    | _names(
        "ReleaseReference ReleaseId GRid ICPN CatalogNumber ReleaseDetailsByTerritory "
        "TerritoryCode LabelName ReleaseLabelReference ReleaseDate OriginalReleaseDate "
        "GlobalReleaseDate ReleaseResourceReferenceList ReleaseResourceReference "
        "ResourceGroup ResourceGroupContentItem"
    ),
    "DealList": _names(
        "DealReleaseReference Deal DealTerms TerritoryCode ExcludedTerritoryCode "
        "TakeDown AllDealsCancelled"
    ),
}
_SINGLES: Final = {
    "MessageHeader": _PARTY | _names("MessageId MessageSender MessageCreatedDateTime")
}


def is_xml(beginning: bytes) -> bool:
    """Tell whether a file begins as XML does."""
    bare = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return bare.startswith(b"<") or beginning[:4] in (b"\xff\xfe<\x00", b"\xfe\xff\x00<")


def read_ern(file: BinaryIO) -> Iterator[Read]:
    """Yield the releases and recordings of a message in batches, faults, and counts.

    Raises ``MessageRefused``, perhaps after some of them.
    """
    return ErnReader().read(file)


@dataclass(slots=True)
class _SoundRecording:
    """A sound recording of the message, with its works and faults."""

    recordings: list[RecordingClaim]
    works: list[WorkClaim]
    is_refused: bool
    is_sent: bool = False


@dataclass(slots=True)
class _Batch:
    parties: dict[str, PartyClaim] = field(default_factory=dict)
    works: dict[str, WorkClaim] = field(default_factory=dict)
    recordings: dict[str, RecordingClaim] = field(default_factory=dict)
    releases: list[ReleaseClaim] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.recordings) + len(self.releases)


@dataclass(slots=True)
class ErnReader:
    """The state of one reading."""

    counts: ReadCounts = field(default_factory=ReadCounts)
    _faults: list[ClaimFault] = field(default_factory=list)
    _version: str = ""
    _sender: str = ""
    _message_id: str = ""
    _created: datetime | None = None
    _parties: ErnParties = field(default_factory=ErnParties)
    _works: dict[str, WorkClaim] = field(default_factory=dict)
    _sounds: dict[str, _SoundRecording] = field(default_factory=dict)
    _other_resources: set[str] = field(default_factory=set)
    _releases: set[str] = field(default_factory=set)
    _batch: _Batch = field(default_factory=_Batch)

    def read(self, file: BinaryIO) -> Iterator[Read]:
        """Yield batches, faults and counts."""
        xml = XmlReader(_LISTS, _SINGLES, self.counts.skipped)
        records = xml.read(file)
        root = next(records, None)
        if root is None:
            raise MessageRefused(_("The file is empty."))
        self._version = _version_of(root, xml.namespace)
        for record in records:
            self._take(record)
            taken, self._faults = self._faults, []
            yield from taken
            if len(self._batch) >= _BATCH:
                yield self._send()
        for sound in self._sounds.values():
            if not sound.is_sent and not sound.is_refused:
                self._put(sound)
                if len(self._batch) >= _BATCH:
                    yield self._send()
        if len(self._batch):
            yield self._send()
        yield self.counts

    def _fault(self, record: XmlRecord, name: str, value: str, rule: str, **flags: bool) -> None:
        self._faults.append(fault(record.line, name, value, rule, **flags))

    def _take(self, record: XmlRecord) -> None:
        self.counts.records[record.name] += 1
        match record.name:
            case "MessageHeader":
                self._take_header(record)
            case "Party":
                self._parties.add(record)
                self._limit(len(self._parties.by_key), MAX_PARTIES)
            case "MusicalWork":
                self._take_work(record)
            case "SoundRecording":
                self._take_sound(record)
            case "Release" | "TrackRelease":
                self._take_release(record)
            case "ReleaseDeal":
                self._take_deal(record)
            case _:
                self._other_resources.add(record.first("ResourceReference"))
                self._limit(len(self._other_resources), MAX_RESOURCES)

    def _limit(self, number: int, limit: int) -> None:
        if number > limit:
            raise MessageRefused(
                _("A message may have at most %(limit)s entries of a kind. Split it.")
                % {"limit": limit}
            )

    def _take_header(self, record: XmlRecord) -> None:
        sender = record.first("MessageSender", "PartyName", "FullName")
        dpid = record.first("MessageSender", "PartyId")
        self._sender = sender or dpid
        self._message_id = record.first("MessageId")
        if not self._message_id:
            rule = _("A message must have an identifier.")
            self._fault(record, "MessageId", "", rule, is_warning=True)
        created = record.first("MessageCreatedDateTime")
        try:
            self._created = datetime.fromisoformat(created)
        except ValueError:
            rule = _("This must be a date with a time.")
            name = "MessageCreatedDateTime"
            self._fault(record, name, created, rule, is_warning=True)

    def _take_work(self, record: XmlRecord) -> None:
        reference = record.first("MusicalWorkReference")
        title, _sub_title = title_of(record)
        if not reference or not title:
            rule = _("A work must have a reference and a title.")
            self._fault(record, "MusicalWork", reference or title, rule)
            self.counts.refused += 1
            return
        iswc = record.first("MusicalWorkId", "ISWC")
        self._works[reference] = WorkClaim(
            key=iswc or reference, title=title, iswc=iswc, line=record.line
        )
        self._limit(len(self._works), MAX_RESOURCES)

    def _take_sound(self, record: XmlRecord) -> None:
        reference = record.first("ResourceReference")
        recordings, works, faults = recordings_of(record, self._parties, self._works)
        if not reference or reference in self._sounds:
            rule = _("Each resource must have its own reference.")
            faults.append(fault(record.line, "ResourceReference", reference, rule))
        self._faults += faults
        is_refused = any(not problem.is_warning for problem in faults)
        self.counts.refused += is_refused
        self._sounds.setdefault(reference, _SoundRecording(recordings, works, is_refused))
        self._limit(len(self._sounds), MAX_RESOURCES)
        self._limit(len(self._parties.by_key), MAX_PARTIES)

    def _take_release(self, record: XmlRecord) -> None:
        reference = record.first("ReleaseReference")
        if reference:
            self._releases.add(reference)
        sounds, faults = self._sounds_of(record)
        tracks = [recording.key for sound in sounds for recording in sound.recordings]
        release, release_faults = release_of(record, self._parties, tuple(dict.fromkeys(tracks)))
        faults += release_faults
        if release is None and not release_faults:
            # A release of one track repeats the recording's code.
            self.counts.skipped[f"{record.name} without GRid, ICPN and number"] += 1
        self._faults += faults
        if any(not problem.is_warning for problem in faults):
            self.counts.refused += 1
            return
        for sound in sounds:
            if release is not None:
                self._put(sound, label=release.label)
        if release is not None:
            self._batch.releases.append(release)

    def _sounds_of(self, record: XmlRecord) -> tuple[list[_SoundRecording], list[ClaimFault]]:
        """Return the sound recordings that a release refers to."""
        sounds, faults = [], []
        for reference in tracks_of(record):
            sound = self._sounds.get(reference.text)
            if sound is None and reference.text not in self._other_resources:
                rule = _("The message has no resource with this reference.")
                name = "ReleaseResourceReference"
                faults.append(fault(reference.line, name, reference.text, rule))
            elif sound is not None and sound.is_refused:
                rule = _("This recording has faults and is left out.")
                name = "ReleaseResourceReference"
                faults.append(fault(reference.line, name, reference.text, rule, is_warning=True))
            elif sound is not None:
                sounds.append(sound)
        return sounds, faults

    def _take_deal(self, record: XmlRecord) -> None:
        for reference in record.all("DealReleaseReference"):
            if reference.text not in self._releases:
                rule = _("The message has no release with this reference.")
                self._fault(reference, reference.name, reference.text, rule)
        for terms in record.all("Deal", "DealTerms"):
            self.counts.records["TakeDown"] += terms.first("TakeDown") == "true"
            codes = terms.all("TerritoryCode") + terms.all("ExcludedTerritoryCode")
            for code in codes:
                try:
                    normalised(code.text)
                except UnknownTerritory as error:
                    self._fault(code, code.name, code.text, str(error), is_warning=True)

    # Batches

    def _put(self, sound: _SoundRecording, *, label: str = "") -> None:
        """Put a recording with its works and parties into the batch."""
        sound.is_sent = True
        for recording in sound.recordings:
            claim = recording if recording.label else replace(recording, label=label)
            self._batch.recordings[claim.key] = claim
            for share in claim.shares:
                self._batch.parties[share.party] = self._parties.by_key[share.party]
        for work in sound.works:
            earlier = self._batch.works.get(work.key, work)
            keys = [*earlier.recordings, *(recording.key for recording in sound.recordings)]
            self._batch.works[work.key] = replace(work, recordings=tuple(dict.fromkeys(keys)))

    def _send(self) -> RightsMessage:
        batch, self._batch = self._batch, _Batch()
        return RightsMessage(
            format=FORMAT,
            version=self._version,
            sender=self._sender,
            message_id=self._message_id,
            created=self._created,
            parties=tuple(batch.parties.values()),
            works=tuple(batch.works.values()),
            recordings=tuple(batch.recordings.values()),
            releases=tuple(batch.releases),
        )


def _version_of(root: XmlRecord, namespace: str) -> str:
    """Return the version of a message of releases; refuse others by their name."""
    match = _NAMESPACE.fullmatch(namespace)
    if match is None:
        raise MessageRefused(
            _("This is not a DDEX message: its first element is %(name)s.")
            % {"name": root.name[:100]}
        )
    family, number = match.groups()
    if family != "ern" or root.name != MESSAGE:
        raise MessageRefused(
            _(
                "This is the DDEX message %(name)s (%(family)s/%(number)s). Only "
                "NewReleaseMessage of ERN can be imported."
            )
            % {"name": root.name[:100], "family": family, "number": number}
        )
    if number not in _VERSIONS:
        raise MessageRefused(
            _("This is ERN %(number)s. Send one of these versions: %(versions)s.")
            % {"number": number, "versions": ", ".join(_VERSIONS.values())}
        )
    return _VERSIONS[number]
