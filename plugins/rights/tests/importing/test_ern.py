"""DDEX ERN messages: what is read, what is refused, and hostile XML."""

from __future__ import annotations

import dataclasses
import io
import random
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from plugins.rights.claims import ClaimFault, RightsMessage
from plugins.rights.importing.ern import read_ern
from plugins.rights.importing.faults import MessageRefused, Read, ReadCounts
from plugins.rights.tests.importing.test_cwr import faults_of, mutated

HEADER = """<MessageHeader><MessageId>M1</MessageId><MessageSender>
<PartyId>PADPIDA2099010101X</PartyId><PartyName><FullName>Example Music</FullName></PartyName>
</MessageSender><MessageCreatedDateTime>2026-11-20T10:15:00Z</MessageCreatedDateTime></MessageHeader>"""
ERN_43 = f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43" AvsVersionId="3" LanguageAndScriptCode="en">
{HEADER}
<PartyList>
<Party><PartyReference>P1</PartyReference><PartyId><DPID>PADPIDA2099010101X</DPID></PartyId>
<PartyName><FullName>Harbour Lights</FullName></PartyName></Party>
<Party><PartyReference>P2</PartyReference><PartyId><ISNI>0000000100000009</ISNI></PartyId>
<PartyName><FullName>The Ferrymen</FullName></PartyName></Party>
</PartyList>
<ResourceList>
<SoundRecording><ResourceReference>A1</ResourceReference><Type>MusicalWorkSoundRecording</Type>
<SoundRecordingEdition><ResourceId><ISRC>QZAA02600001</ISRC></ResourceId>
<PLine><Year>2026</Year><PLineText>2026 Harbour Lights</PLineText></PLine></SoundRecordingEdition>
<WorkId><ISWC>T9000000011</ISWC></WorkId>
<DisplayTitle><TitleText>Blue Lantern</TitleText><SubTitle>Live</SubTitle></DisplayTitle>
<DisplayArtist SequenceNumber="2"><ArtistPartyReference>P1</ArtistPartyReference></DisplayArtist>
<DisplayArtist SequenceNumber="1"><ArtistPartyReference>P2</ArtistPartyReference></DisplayArtist>
<ResourceRightsController><RightsControllerPartyReference>P1</RightsControllerPartyReference>
<RightsControlType>RightsController</RightsControlType><RightSharePercentage>100</RightSharePercentage>
<DelegatedUsageRights><UseType>Stream</UseType><PeriodOfRightsDelegation><StartDate>2026-01-01</StartDate>
<EndDate>2027-12-31</EndDate></PeriodOfRightsDelegation>
<TerritoryOfRightsDelegation>CH</TerritoryOfRightsDelegation></DelegatedUsageRights>
</ResourceRightsController><Duration>PT3M12S</Duration></SoundRecording>
<Image><ResourceReference>A2</ResourceReference></Image>
</ResourceList>
<ReleaseList>
<Release><ReleaseReference>R0</ReleaseReference><ReleaseType>Album</ReleaseType>
<ReleaseId><GRid>A1ZZZZZ0000000001R</GRid><ICPN>2000000000015</ICPN><CatalogNumber>NP001</CatalogNumber></ReleaseId>
<DisplayTitle><TitleText>Night Pier</TitleText></DisplayTitle>
<DisplayArtist><ArtistPartyReference>P2</ArtistPartyReference></DisplayArtist>
<ReleaseLabelReference>P1</ReleaseLabelReference><ReleaseDate>2026-03-01</ReleaseDate>
<ResourceGroup><ResourceGroup><ResourceGroupContentItem><ReleaseResourceReference>A1</ReleaseResourceReference>
</ResourceGroupContentItem></ResourceGroup></ResourceGroup></Release>
<TrackRelease><ReleaseReference>R1</ReleaseReference><ReleaseId><ProprietaryId>x</ProprietaryId></ReleaseId>
<ReleaseResourceReference>A1</ReleaseResourceReference></TrackRelease>
</ReleaseList>
<DealList><ReleaseDeal><DealReleaseReference>R0</DealReleaseReference><Deal><DealTerms>
<TerritoryCode>Worldwide</TerritoryCode><ValidityPeriod><StartDate>2026-03-01</StartDate></ValidityPeriod>
</DealTerms></Deal></ReleaseDeal></DealList>
</ern:NewReleaseMessage>"""
ERN_382 = f"""<?xml version="1.0" encoding="UTF-8"?>
<ernm:NewReleaseMessage xmlns:ernm="http://ddex.net/xml/ern/382" MessageSchemaVersionId="ern/382">
{HEADER}
<WorkList><MusicalWork><MusicalWorkId><ISWC>T9000000011</ISWC></MusicalWorkId>
<MusicalWorkReference>W1</MusicalWorkReference><ReferenceTitle><TitleText>Blue Lantern</TitleText></ReferenceTitle>
</MusicalWork></WorkList>
<ResourceList><SoundRecording><SoundRecordingId><ISRC>QZAA02600001</ISRC></SoundRecordingId>
<ResourceReference>A1</ResourceReference><ReferenceTitle><TitleText>Blue Lantern</TitleText></ReferenceTitle>
<Duration>PT0H3M12.5S</Duration>
<ResourceMusicalWorkReferenceList><ResourceMusicalWorkReference>
<ResourceMusicalWorkReference>W1</ResourceMusicalWorkReference></ResourceMusicalWorkReference></ResourceMusicalWorkReferenceList>
<SoundRecordingDetailsByTerritory><TerritoryCode>Worldwide</TerritoryCode>
<DisplayArtist><PartyName><FullName>The Ferrymen</FullName></PartyName></DisplayArtist>
<LabelName>Harbour Lights</LabelName>
<RightsController><PartyName><FullName>Harbour Lights</FullName></PartyName>
<PartyId IsDPID="true">PADPIDA2099010101X</PartyId><RightsControllerRole>RightsController</RightsControllerRole>
<RightSharePercentage HasMaxValueOfOne="true">0.5</RightSharePercentage>
<TerritoryOfRegistration>CH</TerritoryOfRegistration><StartDate>2026-01-01</StartDate></RightsController>
<RightsController><PartyName><FullName>Other Label</FullName></PartyName>
<RightsControllerRole>RoyaltyAdministrator</RightsControllerRole><RightShareUnknown>true</RightShareUnknown></RightsController>
<PLine><Year>2026</Year><PLineText>Harbour Lights</PLineText></PLine>
</SoundRecordingDetailsByTerritory></SoundRecording></ResourceList>
<ReleaseList><Release IsMainRelease="true"><ReleaseId><ISRC>QZAA02600009</ISRC><ICPN IsEan="true">2000000000015</ICPN></ReleaseId>
<ReleaseReference>R0</ReleaseReference><ReferenceTitle><TitleText>Night Pier</TitleText></ReferenceTitle>
<ReleaseResourceReferenceList><ReleaseResourceReference>A1</ReleaseResourceReference></ReleaseResourceReferenceList>
<ReleaseDetailsByTerritory><TerritoryCode>Worldwide</TerritoryCode><LabelName>Harbour Lights</LabelName>
<ReleaseDate>2026</ReleaseDate></ReleaseDetailsByTerritory></Release></ReleaseList>
<DealList><ReleaseDeal><DealReleaseReference>R0</DealReleaseReference><Deal><DealTerms><TakeDown>true</TakeDown>
</DealTerms></Deal></ReleaseDeal></DealList>
</ernm:NewReleaseMessage>"""


def read(text: str | bytes) -> list[Read]:
    content = text.encode() if isinstance(text, str) else text
    return list(read_ern(io.BytesIO(content)))


def message_of(reads: list[Read]) -> RightsMessage:
    (message,) = [entry for entry in reads if isinstance(entry, RightsMessage)]
    return message


def counts_of(reads: list[Read]) -> ReadCounts:
    assert isinstance(reads[-1], ReadCounts)
    return reads[-1]


def test_version_43_is_read_whole() -> None:
    reads = read(ERN_43)

    message = message_of(reads)
    assert faults_of(reads) == faults_of(reads, warnings=True) == []
    assert (message.format, message.version, message.sender) == ("ERN", "4.3", "Example Music")
    (recording,) = message.recordings
    assert (recording.isrc, recording.title, recording.version_title) == (
        "QZAA02600001",
        "Blue Lantern",
        "Live",
    )
    assert (recording.artists, recording.duration_ms, recording.label) == (
        ("The Ferrymen", "Harbour Lights"),
        192_000,
        "Harbour Lights",
    )
    (share,) = recording.shares
    assert (share.right, share.kind, share.percent, share.included) == (
        "NR",
        "OWN",
        Decimal(100),
        ("CH",),
    )
    assert (share.valid_from, share.valid_until) == (date(2026, 1, 1), date(2027, 12, 31))
    (work,) = message.works
    assert (work.iswc, work.recordings) == ("T9000000011", ("QZAA02600001",))
    (release,) = message.releases
    assert (release.upc, release.grid, release.catalogue_number) == (
        "2000000000015",
        "A1ZZZZZ0000000001R",
        "NP001",
    )
    assert (release.tracks, release.artists, release.label) == (
        ("QZAA02600001",),
        ("The Ferrymen",),
        "Harbour Lights",
    )
    assert counts_of(reads).skipped["TrackRelease without GRid, ICPN and number"] == 1


def test_version_382_is_read_whole() -> None:
    reads = read(ERN_382)

    message = message_of(reads)
    assert faults_of(reads) == []
    (recording,) = message.recordings
    assert (recording.isrc, recording.duration_ms, recording.p_line) == (
        "QZAA02600001",
        192_500,
        "2026 Harbour Lights",
    )
    half, unknown = recording.shares
    assert (half.party, half.percent, half.included, half.valid_from) == (
        "PADPIDA2099010101X",
        Decimal(50),
        ("CH",),
        date(2026, 1, 1),
    )
    assert (unknown.party, unknown.kind, unknown.percent) == ("Other Label", "COL", None)
    (work,) = message.works
    assert (work.title, work.iswc) == ("Blue Lantern", "T9000000011")
    (release,) = message.releases
    assert (release.upc, release.released, release.tracks) == (
        "2000000000015",
        None,
        ("QZAA02600001",),
    )
    assert counts_of(reads).records["TakeDown"] == 1


def test_a_general_parser_finds_the_same_codes() -> None:
    for text in (ERN_43, ERN_382):
        root = ElementTree.fromstring(text)  # noqa: S314 - our own text
        message = message_of(read(text))

        assert {claim.upc for claim in message.releases} == {
            element.text for element in root.iter("ICPN")
        }
        assert {claim.isrc for claim in message.recordings} == {
            element.text for element in root.findall("ResourceList//ISRC")
        }
        assert {claim.iswc for claim in message.works} == {
            element.text for element in root.iter("ISWC")
        }


def test_each_edition_with_a_code_is_a_recording() -> None:
    edition = "<SoundRecordingEdition><ResourceId><ISRC>QZAA02600002</ISRC></ResourceId></SoundRecordingEdition>"
    reads = read(ERN_43.replace("<WorkId>", f"{edition}<WorkId>", 1))

    message = message_of(reads)
    codes = ["QZAA02600001", "QZAA02600002"]
    assert [claim.isrc for claim in message.recordings] == codes
    assert next(iter(message.releases)).tracks == tuple(codes)


# What a message has, what stands there instead, and the field of the fault.
FAULTS = [
    ("<RightSharePercentage>100<", "<RightSharePercentage>100.07<", "RightSharePercentage"),
    ("PT3M12S", "3:12", "Duration"),
    ("2027-12-31", "2027-13-31", "EndDate"),
    (">CH<", ">XX<", "TerritoryOfRightsDelegation"),
    (
        "<RightsControllerPartyReference>P1<",
        "<RightsControllerPartyReference>P9<",
        "ResourceRightsController party",
    ),
    ("<TitleText>Blue Lantern</TitleText>", "", "SoundRecording title"),
    (
        "<ReleaseResourceReference>A1</ReleaseResourceReference>\n</ResourceGroupContentItem>",
        "<ReleaseResourceReference>A9</ReleaseResourceReference></ResourceGroupContentItem>",
        "ReleaseResourceReference",
    ),
    ("<DealReleaseReference>R0", "<DealReleaseReference>R9", "DealReleaseReference"),
]


def test_a_fault_is_named_with_its_line() -> None:
    for before, after, field in FAULTS:
        assert before in ERN_43, field

        faults = faults_of(read(ERN_43.replace(before, after)))

        assert [fault.field for fault in faults][:1] == [field]
        assert all(fault.line and fault.rule for fault in faults)


HOSTILE = [
    (ERN_43.replace("ern/43", "ern/411"), "ERN 411"),
    (ERN_43.replace("NewReleaseMessage", "PurgeReleaseMessage"), "PurgeReleaseMessage"),
    ('<a:X xmlns:a="http://ddex.net/xml/mead/11"/>', "mead/11"),
    ("<html/>", "not a DDEX message"),
    ('<?xml version="1.0" encoding="utf-7"?><a/>', "encoding"),
    ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DTD"),
    ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DTD"),
    (ERN_43.replace("Blue Lantern", "&unknown;"), "undefined entity"),
    (ERN_43[:-30], "cannot be read"),
    ("<a>" * 40, "deeply"),
    ("<a " + " ".join(f'b{n}=""' for n in range(50)) + "/>", "attributes"),
    (ERN_43.replace("Blue Lantern", "A" * 600_000), "too much text"),
    (ERN_43.replace("<UseType>", "<UseType/>" * 60_000 + "<UseType>"), "too many elements"),
    (ERN_43.replace("<WorkId>", "<!--" + "x" * 2_000_000), "too long"),
]


def test_other_and_hostile_xml_is_refused() -> None:
    for text, words in HOSTILE:
        with pytest.raises(MessageRefused, match=words):
            read(text)


def test_unknown_elements_are_counted_and_passed_over() -> None:
    inside = "<Odd><ISRC>QZAA02600007</ISRC></Odd>" * 3
    reads = read(ERN_43.replace("<WorkId>", f"{inside}<WorkId>"))

    assert counts_of(reads).skipped["Odd"] == 3
    assert len(list(message_of(reads).recordings)) == 1


def test_the_names_of_unknown_elements_are_limited() -> None:
    inside = "".join(f"<Odd{number}/>" for number in range(5_000))

    reads = read(ERN_43.replace("<WorkId>", f"{inside}<WorkId>"))

    skipped = counts_of(reads).skipped
    assert len(skipped) <= 202
    assert skipped["other elements"] > 4_000


def test_mutated_messages_never_break_the_reader() -> None:
    for seed in range(400):
        text = (ERN_43, ERN_382)[seed % 2]
        bad = mutated(random.Random(seed), text.encode())  # noqa: S311 - reproducible
        try:
            for entry in read(bad):
                assert isinstance(entry, (RightsMessage, ClaimFault, ReadCounts))
        except MessageRefused:
            continue


def test_later_versions_are_read_alike() -> None:
    def without_version(reads: list[Read]) -> list[Read]:
        return [
            dataclasses.replace(entry, version="") if isinstance(entry, RightsMessage) else entry
            for entry in reads
        ]

    for text, before, after, version in (
        (ERN_382, "ddex.net/xml/ern/382", "ddex.net/xml/ern/383", "3.8.3"),
        (ERN_43, "ddex.net/xml/ern/43", "ddex.net/xml/ern/431", "4.3.1"),
        (ERN_43, "ddex.net/xml/ern/43", "service.ddex.net/xml/ern/432", "4.3.2"),
    ):
        later = read(text.replace(before, after))

        assert without_version(later) == without_version(read(text)), version
        assert message_of(later).version == version


def test_a_blank_line_before_the_declaration_does_no_harm() -> None:
    assert read("\ufeff\r\n" + ERN_43)[-1] == read(ERN_43)[-1]
