"""Reads a sales report of DDEX, RadioBroadcastProfile 1.0, and checks every rule."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise

from plugins.monitoring.tests.declarations.readers.plays import ReadPlay, ReadTotals, totals_of
from tests.readers import (
    ReaderFault,
    RecordCells,
    decoded,
    folded_name,
    is_territory,
    is_valid,
    split_lines,
)

RECORDS = {
    record: cells.split()
    for record, cells in {
        "HEAD": """
            RecordType MessageVersion Profile ProfileVersion MessageId
            MessageCreatedDateTime FileNumber NumberOfFiles UsageStartDate UsageEndDate
            SenderPartyId SenderName ServiceDescription RecipientPartyId RecipientName
            RepresentedRepertoire""",
        "SY08": """
            RecordType SummaryRecordId DistributionChannel DistributionChannelDPID
            ServiceDescription BroadcastStationOrChannel CommercialModel UseType
            Territory NumberOfBroadcasts NumberOfBroadcastListeners ListenerHours
            Currency NetRevenue IndirectNetRevenue RightsController
            RightsControllerPartyId AllocatedRevenue RightsType AllocatedNetRevenue
            RightsControllerAllocatedNumberOfBroadcasts AdditionalData""",
        "AS02.01": """
            RecordType BlockId ResourceReference DspResourceId ISRC Title SubTitle
            DisplayArtistName DisplayArtistPartyId Duration ResourceType ISWC
            ComposerAuthor ComposerAuthorPartyId Arranger ArrangerPartyId MusicPublisher
            MusicPublisherPartyId WorkContributor WorkContributorPartyId
            ProprietaryWorkId""",
        "SU05": """
            RecordType BlockId SummaryRecordId SalesTransactionId TransactedResource
            IsRoyaltyBearing NumberOfBroadcasts NumberOfBroadcastListeners
            ListenerDuration""",
        "FOOT": """
            RecordType NumberOfLinesInFile NumberOfLinesInReport NumberOfSummaryRecords
            NumberOfBlocksInFile NumberOfBlocksInReport""",
    }.items()
}
"""The cells of each record that the decided profile has."""

LISTS = frozenset({"RepresentedRepertoire", "AllocatedRevenue"} | set(RECORDS["AS02.01"][12:20]))
_PEOPLE = (
    ("ComposerAuthor", "ComposerAuthorPartyId"),
    ("Arranger", "ArrangerPartyId"),
    ("MusicPublisher", "MusicPublisherPartyId"),
    ("WorkContributor", "WorkContributorPartyId"),
)
COMMERCIAL_MODELS = (
    "AdvertisementSupportedModel",
    "SubscriptionModel",
    "FreeOfChargeModel",
    "AsPerContract",
)
USE_TYPES = ("Broadcast", "Simulcast", "Webcast", "Cable", "Podcast")
RIGHTS_TYPES = ("PerformingRight", "MechanicalRight", "ReproductionRight", "MakeAvailableRight")
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)"


@dataclass(frozen=True, slots=True)
class DsrBlock:
    """A recording with its work; people as (name, party id).

    ``usages`` tell by summary how often a station broadcast it.
    """

    number: str
    own_id: str
    isrc: str
    title: str
    artist: str
    duration_ms: int
    iswc: str
    writers: tuple[tuple[str, str], ...]
    publishers: tuple[tuple[str, str], ...]
    usages: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DsrMessage:
    """A whole file; ``summaries`` by number."""

    summaries: dict[str, RecordCells]
    blocks: list[DsrBlock]
    lines: int

    def plays(self) -> list[ReadPlay]:
        """Return one entry per recording and summary, in the order of the file."""
        return [
            ReadPlay(
                station=self.summaries[summary].text("BroadcastStationOrChannel"),
                recording=block.own_id,
                title=block.title,
                artist=block.artist,
                isrc=block.isrc,
                count=count,
            )
            for block in self.blocks
            for summary, count in block.usages.items()
        ]

    def totals(self) -> ReadTotals:
        return totals_of(self.plays(), self.lines)


def parse(data: bytes, name: str) -> DsrMessage:
    lines = split_lines(decoded(data, "utf-8"), "\r\n")
    records = [_record(number, line) for number, line in enumerate(lines, start=1)]
    _check_order(records)
    _check_head(records[0])
    summaries = _summaries(records)
    blocks = _blocks(records, summaries)
    _check_counts(summaries, blocks)
    _check_foot(records[-1], len(lines), len(summaries), len(blocks))
    _check_name(name, records[0], summaries)
    return DsrMessage(summaries, blocks, len(lines))


def _record(number: int, line: str) -> RecordCells:
    values = line.split("\t")
    names = RECORDS.get(values[0])
    if names is None:
        raise ReaderFault(number, "RecordType", values[0], "is no record of the profile")
    return _cells(number, names, values)


def _cells(number: int, names: list[str], values: list[str]) -> RecordCells:
    cells = RecordCells(number, names, values)
    for name, value in zip(names, values, strict=True):
        for item in value.split("|"):
            if item != item.strip():
                raise cells.fault(name, "has a blank at a delimiter")
            if item.endswith("\\"):
                raise cells.fault(name, "escapes a delimiter")
        if "|" in value and name not in LISTS:
            raise cells.fault(name, "has a pipe and is no list")
    return cells


def _check_order(records: list[RecordCells]) -> None:
    kinds = [(record.line, record.text("RecordType")) for record in records]
    if not kinds or kinds[0][1] != "HEAD":
        raise ReaderFault(1, "RecordType", kinds[0][1] if kinds else "", "is no HEAD")
    if kinds[-1][1] != "FOOT":
        raise ReaderFault(kinds[-1][0], "RecordType", kinds[-1][1], "is no FOOT")
    if len(kinds) < 3:
        raise ReaderFault(kinds[-1][0], "RecordType", "FOOT", "follows no summary")
    allowed = {
        "HEAD": {"SY08"},
        "SY08": {"SY08", "AS02.01", "FOOT"},
        "AS02.01": {"SU05"},
        "SU05": {"SU05", "AS02.01", "FOOT"},
        "FOOT": set(),
    }
    for (_, before), (line, kind) in pairwise(kinds):
        if kind not in allowed[before]:
            raise ReaderFault(line, "RecordType", kind, f"may not follow {before}")


def _check_head(cells: RecordCells) -> None:
    cells.need(*RECORDS["HEAD"][:15])
    cells.one_of("MessageVersion", ("dsrf/30",))
    cells.one_of("Profile", ("RadioBroadcastProfile",))
    cells.one_of("ProfileVersion", ("1.0",))
    cells.matching("MessageCreatedDateTime", _TIME, "time with zone")
    cells.moment("MessageCreatedDateTime", "%Y-%m-%dT%H:%M:%S%z")
    cells.one_of("FileNumber", ("1",))
    cells.one_of("NumberOfFiles", ("1",))
    begins, ends = _days(cells)
    if begins > ends:
        raise cells.fault("UsageEndDate", "is before the first day")
    cells.checked("SenderPartyId", "DPID")
    cells.checked("RecipientPartyId", "DPID")


def _days(cells: RecordCells) -> tuple[date, date]:
    begins = cells.day("UsageStartDate", "%Y-%m-%d")
    ends = cells.day("UsageEndDate", "%Y-%m-%d")
    assert begins
    assert ends
    return begins, ends


def _summaries(records: list[RecordCells]) -> dict[str, RecordCells]:
    records_by_kind: dict[str, RecordCells] = {}
    for cells in records:
        if cells.text("RecordType") != "SY08":
            continue
        cells.need("SummaryRecordId", "ServiceDescription", "CommercialModel")
        cells.need("UseType", "Territory", "NumberOfBroadcasts", "ListenerHours")
        cells.need("Currency", "NetRevenue")
        if not is_territory(cells.text("Territory")):
            raise cells.fault("Territory", "is no territory")
        cells.matching("Currency", "[A-Z]{3}", "currency")
        cells.one_of("CommercialModel", COMMERCIAL_MODELS)
        cells.one_of("UseType", USE_TYPES)
        cells.one_of("RightsType", RIGHTS_TYPES)
        for name in ("ListenerHours", "NetRevenue"):
            cells.number(name)
        for name in ("NumberOfBroadcasts", "NumberOfBroadcastListeners"):
            cells.count(name)
        if cells.text("SummaryRecordId") in records_by_kind:
            raise cells.fault("SummaryRecordId", "occurs twice")
        records_by_kind[cells.text("SummaryRecordId")] = cells
    return records_by_kind


def _blocks(records: list[RecordCells], summaries: dict[str, RecordCells]) -> list[DsrBlock]:
    blocks: list[DsrBlock] = []
    transactions: set[str] = set()
    reference = ""
    for cells in records:
        kind = cells.text("RecordType")
        if kind == "AS02.01":
            block = _block(cells)
            if block.number in {block.number for block in blocks}:
                raise cells.fault("BlockId", "occurs twice")
            blocks.append(block)
            reference = cells.text("ResourceReference")
        elif kind == "SU05":
            _take_usage(cells, blocks[-1], reference, summaries)
            if cells.text("SalesTransactionId") in transactions:
                raise cells.fault("SalesTransactionId", "occurs twice")
            transactions.add(cells.text("SalesTransactionId"))
    return blocks


def _block(cells: RecordCells) -> DsrBlock:
    cells.need("BlockId", "ResourceReference", "DspResourceId", "Title")
    cells.need("DisplayArtistName", "Duration", "ResourceType")
    cells.matching("BlockId", r"BL\d+", "BL and a number")
    cells.one_of("ResourceType", ("SoundRecording", "Video"))
    people = [_people(cells, *names) for names in _PEOPLE]
    return DsrBlock(
        number=cells.text("BlockId"),
        own_id=cells.text("DspResourceId"),
        isrc=cells.checked("ISRC", "ISRC"),
        title=cells.text("Title"),
        artist=cells.text("DisplayArtistName"),
        duration_ms=_duration_ms(cells, "Duration"),
        iswc=cells.checked("ISWC", "ISWC"),
        writers=people[0],
        publishers=people[2],
    )


def _take_usage(
    cells: RecordCells, block: DsrBlock, reference: str, summaries: dict[str, RecordCells]
) -> None:
    cells.need("BlockId", "SummaryRecordId", "SalesTransactionId")
    cells.need("TransactedResource", "IsRoyaltyBearing", "NumberOfBroadcasts")
    summary = cells.text("SummaryRecordId")
    if cells.text("BlockId") != block.number:
        raise cells.fault("BlockId", "is another block's")
    if summary not in summaries:
        raise cells.fault("SummaryRecordId", "is no summary")
    if summary in block.usages:
        raise cells.fault("SummaryRecordId", "has this recording already")
    if cells.text("TransactedResource") != reference:
        raise cells.fault("TransactedResource", "is no resource of the block")
    cells.one_of("IsRoyaltyBearing", ("true", "false"))
    block.usages[summary] = cells.count("NumberOfBroadcasts") or 0


def _people(cells: RecordCells, names: str, ids: str) -> tuple[tuple[str, str], ...]:
    """Return names with party ids; the two lists go side by side."""
    people = cells.text(names).split("|") if cells.text(names) else []
    numbers = cells.text(ids).split("|") if cells.text(ids) else [""] * len(people)
    if len(numbers) != len(people):
        raise cells.fault(ids, f"has {len(numbers)} ids for {len(people)} names")
    if any(not person for person in people):
        raise cells.fault(names, "has an empty name")
    _check_party_id(cells, ids)
    return tuple(zip(people, numbers, strict=True))


def _check_party_id(cells: RecordCells, name: str) -> None:
    for item in cells.text(name).split("|"):
        if not item:
            continue
        kind, separator, value = item.partition("::")
        if not separator or not kind or not value or "::" in value:
            raise cells.fault(name, "is no namespace::value")
        if kind != kind.strip() or value != value.strip():
            raise cells.fault(name, "has a blank at a delimiter")
        if kind in ("IPI", "ISNI", "DPID") and not is_valid(kind, value):
            raise cells.fault(name, f"is no valid {kind}")


def _duration_ms(cells: RecordCells, name: str) -> int:
    parts = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(\d+(?:\.\d+)?)S", cells.text(name), re.ASCII)
    if parts is None:
        raise cells.fault(name, "is no duration PT[hH][mM]sS")
    hours, minutes, seconds = (Decimal(part or 0) for part in parts.groups())
    return int(((hours * 60 + minutes) * 60 + seconds) * 1000)


def _check_counts(summaries: dict[str, RecordCells], blocks: list[DsrBlock]) -> None:
    """Check that a station's count is that of its recordings."""
    for number, cells in summaries.items():
        usages = sum(block.usages.get(number, 0) for block in blocks)
        if cells.count("NumberOfBroadcasts") != usages:
            raise cells.fault("NumberOfBroadcasts", f"is not the sum {usages}")


def _check_foot(cells: RecordCells, lines: int, summaries: int, blocks: int) -> None:
    for name, expected in zip(
        RECORDS["FOOT"][1:], (lines, lines, summaries, blocks, blocks), strict=True
    ):
        if cells.count(name) != expected:
            raise cells.fault(name, f"is not {expected}")


def _check_name(name: str, head: RecordCells, summaries: dict[str, RecordCells]) -> None:
    parts = name.removesuffix(".tsv").split("_")
    if not name.endswith(".tsv") or " " in name or len(parts) != 8:
        raise ReaderFault(0, "name", name, "is no .tsv of eight parts without blanks")
    kind, recipient, sender, service, period, territory, count, made = parts
    territories = {record.text("Territory") for record in summaries.values()}
    is_right = (
        (kind, count) == ("DSR", "1of1")
        and recipient == head.text("RecipientPartyId")
        and sender == head.text("SenderPartyId")
        and folded_name(service) == folded_name(head.text("ServiceDescription"))
        and territory in {"", *territories}
        and re.fullmatch(r"\d{8}T\d{6}", made)
    )
    first, _, last = period.partition("--")
    begins, ends = (f"{day}" for day in _days(head))
    if not is_right or not begins.startswith(first) or not ends.startswith(last or first):
        raise ReaderFault(0, "name", name, "is not what the file says")
