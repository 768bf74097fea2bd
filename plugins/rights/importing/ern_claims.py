"""Turns the elements of an ERN message into claims; both versions meet here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from django.utils.translation import gettext as _

from catalogue.owners.tis import UnknownTerritory, normalised
from plugins.rights.claims import (
    ClaimFault,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    ShareClaim,
    WorkClaim,
)
from plugins.rights.importing.faults import fault
from plugins.rights.importing.xml_records import XmlRecord

MASTER: Final = "NR"
# Those who administer rights collect for others; all other controllers own them.
_COLLECTORS = frozenset({"RightsAdministrator", "RoyaltyAdministrator"})
_DURATION = re.compile(
    r"PT(?:([0-9]{1,3})H)?(?:([0-9]{1,4})M)?(?:([0-9]{1,6})(?:\.([0-9]{1,6}))?S)?"
)
_MOST_DIGITS = 12


@dataclass(slots=True)
class ErnParties:
    """The parties of a message by their key: the reference, or in 3.8 code or name."""

    by_key: dict[str, PartyClaim] = field(default_factory=dict)

    def add(self, record: XmlRecord) -> str:
        """Add the party that an element names; return its key, "" if it names none."""
        names = record.all("PartyName")
        full = record.first("PartyName", "FullName")
        last, first = "", ""
        if names and not full:
            last = names[0].first("KeyName")
            first = names[0].first("NamesBeforeKeyName")
        ids = record.all("PartyId")
        dpid = record.first("PartyId", "DPID")
        isni = record.first("PartyId", "ISNI")
        for party_id in ids:
            # Version 3.8 gives the type of the text in an attribute.
            if party_id.text and party_id.is_true("IsISNI"):
                isni = isni or party_id.text
            elif party_id.text and (
                party_id.is_true("IsDPID") or party_id.text.startswith("PADPIDA")
            ):
                dpid = dpid or party_id.text
        name = full or last
        key = record.first("PartyReference") or dpid or isni or f"{first} {name}".strip()
        if not key or not (name or dpid or isni):
            return ""
        claim = PartyClaim(
            key=key,
            name=name or dpid or isni,
            first_name=first,
            ipi_name=record.first("PartyId", "IpiNameNumber"),
            isni=isni,
            ipn=record.first("PartyId", "IPN"),
            dpid=dpid,
        )
        self.by_key.setdefault(key, claim)
        return key

    def name(self, key: str) -> str:
        """Return the whole name of a party; "" for an unknown one."""
        party = self.by_key.get(key)
        return f"{party.first_name} {party.name}".strip() if party else ""


def title_of(record: XmlRecord) -> tuple[str, str]:
    """Return the title and sub-title of a work, recording or release."""
    titles = record.all("ReferenceTitle") or record.all("DisplayTitle")
    if not titles:
        return "", ""
    best = next((title for title in titles if title.is_true("IsDefault")), titles[0])
    return best.first("TitleText"), best.first("SubTitle")


def recordings_of(
    record: XmlRecord, parties: ErnParties, works: Mapping[str, WorkClaim]
) -> tuple[list[RecordingClaim], list[WorkClaim], list[ClaimFault]]:
    """Return a recording for each ISRC of a resource, their works, and all faults."""
    faults: list[ClaimFault] = []
    title, sub_title = title_of(record)
    if not title:
        rule = _("A recording must have a title.")
        faults.append(fault(record.line, "SoundRecording title", "", rule))
    details = _details(record, "SoundRecordingDetailsByTerritory")
    editions = record.all("SoundRecordingEdition")
    works_of_it = _works_of(record, title, works, faults)
    shares = _shares_of(record, parties, faults)
    artists = _artists_of(record, details, parties)
    recordings: dict[str, RecordingClaim] = {}
    # Without editions, as in 3.8, the resource itself has the codes.
    for edition in editions or [record]:
        codes = edition.all("ResourceId", "ISRC") + edition.all("SoundRecordingId", "ISRC")
        isrc = next((code.text for code in codes if code.text), "")
        key = isrc or record.first("ResourceReference")
        recordings.setdefault(
            key,
            RecordingClaim(
                key=key,
                isrc=isrc,
                title=title,
                version_title=sub_title,
                artists=artists,
                duration_ms=_duration(record, faults),
                label=details.first("LabelName"),
                shares=shares,
                works=tuple(work.key for work in works_of_it),
                p_line=_line_of("PLine", edition, details, record),
                line=record.line,
            ),
        )
    return list(recordings.values()), works_of_it, list(dict.fromkeys(faults))


def release_of(
    record: XmlRecord, parties: ErnParties, tracks: tuple[str, ...]
) -> tuple[ReleaseClaim | None, list[ClaimFault]]:
    """Return a release, None if no code of a release identifies it, and its faults."""
    upc, grid, number = (
        record.first("ReleaseId", name) for name in ("ICPN", "GRid", "CatalogNumber")
    )
    if not (upc or grid or number):
        return None, []
    faults: list[ClaimFault] = []
    title, sub_title = title_of(record)
    if not title:
        rule = _("A release must have a title.")
        faults.append(fault(record.line, f"{record.name} title", "", rule))
    details = _details(record, "ReleaseDetailsByTerritory")
    label = details.first("LabelName") or parties.name(record.first("ReleaseLabelReference"))
    claim = ReleaseClaim(
        key=upc or grid or number,
        title=f"{title} ({sub_title})" if sub_title else title,
        upc=upc,
        grid=grid,
        catalogue_number=number,
        label=label,
        p_line=_line_of("PLine", record, details),
        c_line=_line_of("CLine", record, details),
        released=_released(record, details, faults),
        tracks=tracks,
        artists=_artists_of(record, details, parties),
        line=record.line,
    )
    return claim, faults


def tracks_of(record: XmlRecord) -> list[XmlRecord]:
    """Return the references of a release to resources, in their order."""
    references = record.all("ReleaseResourceReferenceList", "ReleaseResourceReference")
    references += record.all("ReleaseResourceReference")
    groups = record.all("ResourceGroup")
    while groups:
        group = groups.pop(0)
        references += group.all("ResourceGroupContentItem", "ReleaseResourceReference")
        groups[:0] = group.all("ResourceGroup")
    seen = {reference.text: reference for reference in reversed(references)}
    return list(reversed(seen.values()))


def _details(record: XmlRecord, name: str) -> XmlRecord:
    """Return the details for the world, or else the first ones; 4.3 has none."""
    details = record.all(name)
    for candidate in details:
        if candidate.first("TerritoryCode") == "Worldwide":
            return candidate
    return details[0] if details else XmlRecord(name, record.line, {})


def _artists_of(record: XmlRecord, details: XmlRecord, parties: ErnParties) -> tuple[str, ...]:
    artists = record.all("DisplayArtist") or details.all("DisplayArtist")
    artists.sort(key=_sequence)
    names = [
        parties.name(artist.first("ArtistPartyReference")) or artist.first("PartyName", "FullName")
        for artist in artists
    ]
    named = tuple(dict.fromkeys(filter(None, names)))
    display_name = record.first("DisplayArtistName") or details.first("DisplayArtistName")
    return named or ((display_name,) if display_name else ())


def _sequence(record: XmlRecord) -> int:
    number = record.attributes.get("SequenceNumber", "")
    return int(number) if re.fullmatch(r"[0-9]{1,6}", number) else 0


def _line_of(name: str, *places: XmlRecord) -> str:
    """Return the ℗ or © line that comes first, with its year if its text has none."""
    for place in places:
        for line in place.all(name):
            text, year = line.first(f"{name}Text"), line.first("Year")
            if text or year:
                return text if year in text else f"{year} {text}".strip()
    return ""


def _works_of(
    record: XmlRecord, title: str, works: Mapping[str, WorkClaim], faults: list[ClaimFault]
) -> list[WorkClaim]:
    works_by_key: dict[str, WorkClaim] = {}
    references = record.all(
        "ResourceMusicalWorkReferenceList",
        "ResourceMusicalWorkReference",
        "ResourceMusicalWorkReference",
    )
    for reference in references:
        work = works.get(reference.text)
        if work is None:
            rule = _("The message has no work with this reference.")
            faults.append(fault(reference.line, reference.name, reference.text, rule))
        else:
            works_by_key[work.key] = work
    codes = record.all("WorkId", "ISWC") + record.all("IndirectSoundRecordingId", "ISWC")
    for code in codes:
        if code.text:
            claim = WorkClaim(key=code.text, title=title, iswc=code.text, line=code.line)
            works_by_key.setdefault(code.text, claim)
    return list(works_by_key.values())


def _duration(record: XmlRecord, faults: list[ClaimFault]) -> int | None:
    text = record.first("Duration")
    if not text:
        return None
    match = _DURATION.fullmatch(text)
    if match is None or text == "PT":
        rule = _("This must be a duration such as PT3M12S.")
        faults.append(fault(record.line, "Duration", text, rule))
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    thousandths = int((match[4] or "").ljust(3, "0")[:3])
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


def _released(record: XmlRecord, details: XmlRecord, faults: list[ClaimFault]) -> date | None:
    names = ("ReleaseDate", "OriginalReleaseDate", "GlobalReleaseDate")
    for place in (record, details):
        for name in names:
            if text := place.first(name):
                # Releases of earlier times may have a year only.
                if re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", text):
                    return None
                return _date(record, name, text, faults)
    return None


def _date(record: XmlRecord, name: str, text: str, faults: list[ClaimFault]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        rule = _("This must be a date as YYYY-MM-DD.")
        faults.append(fault(record.line, name, text, rule))
        return None


# Shares


def _shares_of(
    record: XmlRecord, parties: ErnParties, faults: list[ClaimFault]
) -> tuple[ShareClaim, ...]:
    """Return the shares in a recording. Equal ones for several uses count once."""
    controllers = (
        record.all("ResourceRightsController")
        + record.all("RightsController")
        + record.all("SoundRecordingDetailsByTerritory", "RightsController")
    )
    shares: dict[tuple[object, ...], ShareClaim] = {}
    for controller in controllers:
        for share in _shares(controller, parties, faults):
            identity = (
                share.party,
                share.role,
                share.percent,
                share.included,
                share.valid_from,
                share.valid_until,
            )
            shares.setdefault(identity, share)
    return tuple(shares.values())


def _shares(
    controller: XmlRecord, parties: ErnParties, faults: list[ClaimFault]
) -> list[ShareClaim]:
    reference = controller.first("RightsControllerPartyReference")
    party = reference or parties.add(controller)
    if party not in parties.by_key:
        rule = _("The message has no party with this reference.")
        name = f"{controller.name} party"
        faults.append(fault(controller.line, name, reference, rule))
        return []
    role = controller.first("RightsControllerRole") or controller.first("RightsControlType")
    percent = _percent(controller, faults)
    # The delegation names where and when; in 3.8 the controller does so itself.
    delegations = controller.all("DelegatedUsageRights") or [controller]
    return [
        ShareClaim(
            party=party,
            role=role or "RightsController",
            right=MASTER,
            kind="COL" if role in _COLLECTORS else "OWN",
            percent=percent,
            included=_territories(delegation, faults),
            valid_from=_day(delegation, "Start", faults),
            valid_until=_day(delegation, "End", faults),
            line=controller.line,
        )
        for delegation in delegations
    ]


def _percent(controller: XmlRecord, faults: list[ClaimFault]) -> Decimal | None:
    """Return the share in percent; None if the message does not know it."""
    element = next(iter(controller.all("RightSharePercentage")), None)
    if element is None or not element.text or controller.first("RightShareUnknown") == "true":
        return None
    rule = _("A share must be a number from 0 to 100.")
    try:
        percent = Decimal(element.text)
    except InvalidOperation:
        percent = Decimal(-1)
    if len(element.text) > _MOST_DIGITS or not percent.is_finite():
        percent = Decimal(-1)
    if element.is_true("HasMaxValueOfOne"):
        percent *= 100
    if not 0 <= percent <= 100:
        faults.append(fault(element.line, element.name, element.text, rule))
        return None
    return percent


def _territories(delegation: XmlRecord, faults: list[ClaimFault]) -> tuple[str, ...]:
    territories = []
    for code in delegation.all("TerritoryOfRightsDelegation") + delegation.all(
        "TerritoryOfRegistration"
    ):
        try:
            territories.append(normalised(code.text))
        except UnknownTerritory as error:
            faults.append(fault(code.line, code.name, code.text, str(error)))
    return tuple(dict.fromkeys(territories))


def _day(delegation: XmlRecord, name: str, faults: list[ClaimFault]) -> date | None:
    """Return the first or last day of a delegation, with or without a time."""
    for place in (delegation, *delegation.all("PeriodOfRightsDelegation")):
        for tag in (f"{name}Date", f"{name}DateTime"):
            if text := place.first(tag):
                return _date(place, tag, text, faults)
    return None
