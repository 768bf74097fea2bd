"""Reads a sales report of DDEX, RadioBroadcastProfile 1.0, and checks every rule."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from tests.monitoring.declarations.readers.common import (
    ReaderFault,
    ReadPlay,
    ReadTotals,
    RecordCells,
    decoded,
    folded_name,
    is_territory,
    is_valid,
    split_lines,
    totals_of,
)

HEAD = [
    "RecordType",
    "MessageVersion",
    "Profile",
    "ProfileVersion",
    "MessageId",
    "MessageCreatedDateTime",
    "FileNumber",
    "NumberOfFiles",
    "UsageStartDate",
    "UsageEndDate",
    "SenderPartyId",
    "SenderName",
    "ServiceDescription",
    "RecipientPartyId",
    "RecipientName",
    "RepresentedRepertoire",
]
SY08 = [
    "RecordType",
    "SummaryRecordId",
    "DistributionChannel",
    "DistributionChannelDPID",
    "ServiceDescription",
    "BroadcastStationOrChannel",
    "CommercialModel",
    "UseType",
    "Territory",
    "NumberOfBroadcasts",
    "NumberOfBroadcastListeners",
    "ListenerHours",
    "Currency",
    "NetRevenue",
    "IndirectNetRevenue",
    "RightsController",
    "RightsControllerPartyId",
    "AllocatedRevenue",
    "RightsType",
    "AllocatedNetRevenue",
    "RightsControllerAllocatedNumberOfBroadcasts",
    "AdditionalData",
]
AS02 = [
    "RecordType",
    "BlockId",
    "ResourceReference",
    "DspResourceId",
    "ISRC",
    "Title",
    "SubTitle",
    "DisplayArtistName",
    "DisplayArtistPartyId",
    "Duration",
    "ResourceType",
    "ISWC",
    "ComposerAuthor",
    "ComposerAuthorPartyId",
    "Arranger",
    "ArrangerPartyId",
    "MusicPublisher",
    "MusicPublisherPartyId",
    "WorkContributor",
    "WorkContributorPartyId",
    "ProprietaryWorkId",
]
SU05 = [
    "RecordType",
    "BlockId",
    "SummaryRecordId",
    "SalesTransactionId",
    "TransactedResource",
    "IsRoyaltyBearing",
    "NumberOfBroadcasts",
    "NumberOfBroadcastListeners",
    "ListenerDuration",
]
FOOT = [
    "RecordType",
    "NumberOfLinesInFile",
    "NumberOfLinesInReport",
    "NumberOfSummaryRecords",
    "NumberOfBlocksInFile",
    "NumberOfBlocksInReport",
]
CU01 = (
    "RecordType BlockId CueResourceReference CueStartTime CueDuration "
    + " ".join(
        "ReferencedCreation" + name
        for name in [
            "ISRC",
            "ISWC",
            "Title",
            "DisplayArtistName",
            "DisplayArtistPartyId",
            "ContributorName",
            "ContributorPartyId",
            "ComposerAuthorName",
            "ComposerAuthorPartyId",
            "ArrangerName",
            "ArrangerPartyId",
        ]
    )
).split()
RECORDS = {"HEAD": HEAD, "SY08": SY08, "AS02.01": AS02, "SU05": SU05, "FOOT": FOOT}
"""The cells of each record that the decided profile has."""

LISTS = frozenset(
    {"RepresentedRepertoire", "AllocatedRevenue"} | set(AS02[12:20]) | set(CU01[8:])
)
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
RIGHTS_TYPES = (
    "PerformingRight",
    "MechanicalRight",
    "ReproductionRight",
    "MakeAvailableRight",
)
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)"


@dataclass(frozen=True, slots=True)
class DsrSummary:
    """A SY08: the figures of a station."""

    number: str
    service: str
    station: str
    commercial_model: str
    use_type: str
    territory: str
    broadcasts: int
    listeners: int | None
    listener_hours: Decimal
    currency: str
    net_revenue: Decimal
    rights_type: str
    rights_controller: str


@dataclass(frozen=True, slots=True)
class DsrUsage:
    """A SU05: how often a station broadcast the recording of its block."""

    summary: str
    transaction: str
    royalty_bearing: bool
    broadcasts: int
    listeners: int | None


@dataclass(frozen=True, slots=True)
class DsrBlock:
    """A recording with its work, and its usages; people as (name, party id)."""

    number: str
    own_id: str
    isrc: str
    title: str
    sub_title: str
    artist: str
    artist_id: str
    duration_ms: int
    resource_type: str
    iswc: str
    writers: tuple[tuple[str, str], ...]
    arrangers: tuple[tuple[str, str], ...]
    publishers: tuple[tuple[str, str], ...]
    contributors: tuple[tuple[str, str], ...]
    work_number: str
    usages: list[DsrUsage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DsrHead:
    """Who says what to whom, about which days."""

    message_id: str
    created: str
    file_number: int
    files: int
    begins: date
    ends: date
    sender_dpid: str
    sender: str
    service: str
    recipient_dpid: str
    recipient: str


@dataclass(frozen=True, slots=True)
class DsrMessage:
    """A whole file."""

    head: DsrHead
    summaries: dict[str, DsrSummary]
    blocks: list[DsrBlock]
    lines: int

    def plays(self) -> list[ReadPlay]:
        """Return one entry per recording and summary, in the order of the file."""
        return [
            ReadPlay(
                station=self.summaries[usage.summary].station,
                recording=block.own_id,
                title=block.title,
                artist=block.artist,
                isrc=block.isrc,
                count=usage.broadcasts,
            )
            for block in self.blocks
            for usage in block.usages
        ]

    def totals(self) -> ReadTotals:
        """Return the sums; the format has no time of a play."""
        return totals_of(self.plays(), self.lines)


def parse(data: bytes, name: str) -> DsrMessage:
    """Return the file, or raise the first fault."""
    if name.endswith(".gz"):
        data = gzip.decompress(data)
    text = decoded(data, "utf-8")
    lines = split_lines(text, "\r\n" if "\r\n" in text else "\n")
    records = [
        _record(number, line)
        for number, line in enumerate(lines, start=1)
        if not line.startswith("#")
    ]
    _check_order(records)
    head = _head(records[0])
    summaries = _summaries(records)
    blocks = _blocks(records, summaries)
    _check_counts(summaries, blocks)
    _check_foot(records[-1], len(lines), len(summaries), len(blocks), head)
    _check_name(name, head, summaries)
    return DsrMessage(head, summaries, blocks, len(lines))


def cue_record(line: str, number: int = 1) -> RecordCells:
    """Check one CU01, which files of another profile have."""
    cells = _cells(number, CU01, line.split("\t"))
    cells.need("RecordType", "BlockId", "CueResourceReference", "CueDuration")
    cells.one_of("RecordType", ("CU01",))
    for name in ("CueStartTime", "CueDuration"):
        if cells.text(name):
            _duration_ms(cells, name)
    cells.checked("ReferencedCreationISRC", "ISRC")
    cells.checked("ReferencedCreationISWC", "ISWC")
    for base in ("DisplayArtist", "Contributor", "ComposerAuthor", "Arranger"):
        prefix = f"ReferencedCreation{base}"
        _people(cells, f"{prefix}Name", f"{prefix}PartyId")
    return cells


def _record(number: int, line: str) -> RecordCells:
    values = line.split("\t")
    names = RECORDS.get(values[0])
    if names is None:
        raise ReaderFault(
            number, "RecordType", values[0], "is no record of the profile"
        )
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
    kinds = [(each.line, each.text("RecordType")) for each in records]
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


def _head(cells: RecordCells) -> DsrHead:
    cells.need(*HEAD[:12])
    cells.matching(
        "MessageVersion", r"dsrf/(30|\d+(\.\d+)*/\d+/\d+(\.\d+)*)", "version of DSRF"
    )
    cells.one_of("Profile", ("RadioBroadcastProfile",))
    cells.one_of("ProfileVersion", ("1.0",))
    cells.matching("MessageCreatedDateTime", _TIME, "time with zone")
    cells.moment("MessageCreatedDateTime", "%Y-%m-%dT%H:%M:%S%z")
    number, files = cells.count("FileNumber"), cells.count("NumberOfFiles")
    if not number or not files or number > files:
        raise cells.fault("FileNumber", "is no number of a file")
    begins = cells.day("UsageStartDate", "%Y-%m-%d")
    ends = cells.day("UsageEndDate", "%Y-%m-%d")
    if begins is None or ends is None or begins > ends:
        raise cells.fault("UsageEndDate", "is before the first day")
    cells.checked("SenderPartyId", "DPID")
    cells.checked("RecipientPartyId", "DPID")
    if bool(cells.text("RecipientPartyId")) != bool(cells.text("RecipientName")):
        raise cells.fault("RecipientName", "goes with the id of the recipient")
    return DsrHead(
        message_id=cells.text("MessageId"),
        created=cells.text("MessageCreatedDateTime"),
        file_number=number,
        files=files,
        begins=begins,
        ends=ends,
        sender_dpid=cells.text("SenderPartyId"),
        sender=cells.text("SenderName"),
        service=cells.text("ServiceDescription"),
        recipient_dpid=cells.text("RecipientPartyId"),
        recipient=cells.text("RecipientName"),
    )


def _summaries(records: list[RecordCells]) -> dict[str, DsrSummary]:
    found: dict[str, DsrSummary] = {}
    for cells in records:
        if cells.text("RecordType") == "SY08":
            summary = _summary(cells)
            if summary.number in found:
                raise cells.fault("SummaryRecordId", "occurs twice")
            found[summary.number] = summary
    return found


def _summary(cells: RecordCells) -> DsrSummary:
    cells.need("SummaryRecordId", "ServiceDescription", "CommercialModel", "UseType")
    cells.need("Territory", "NumberOfBroadcasts", "ListenerHours", "Currency")
    cells.need("NetRevenue")
    cells.checked("DistributionChannelDPID", "DPID")
    if not is_territory(cells.text("Territory")):
        raise cells.fault("Territory", "is no territory")
    cells.matching("Currency", "[A-Z]{3}", "currency")
    for name in ("IndirectNetRevenue", "AllocatedNetRevenue"):
        cells.number(name)
    cells.count("RightsControllerAllocatedNumberOfBroadcasts")
    _check_party_id(cells, "RightsControllerPartyId")
    return DsrSummary(
        number=cells.text("SummaryRecordId"),
        service=cells.text("ServiceDescription"),
        station=cells.text("BroadcastStationOrChannel"),
        commercial_model=cells.one_of("CommercialModel", COMMERCIAL_MODELS),
        use_type=cells.one_of("UseType", USE_TYPES),
        territory=cells.text("Territory"),
        broadcasts=cells.count("NumberOfBroadcasts") or 0,
        listeners=cells.count("NumberOfBroadcastListeners"),
        listener_hours=cells.number("ListenerHours") or Decimal(0),
        currency=cells.text("Currency"),
        net_revenue=cells.number("NetRevenue") or Decimal(0),
        rights_type=cells.one_of("RightsType", RIGHTS_TYPES),
        rights_controller=cells.text("RightsController"),
    )


def _blocks(
    records: list[RecordCells], summaries: dict[str, DsrSummary]
) -> list[DsrBlock]:
    blocks: list[DsrBlock] = []
    numbers: set[str] = set()
    transactions: set[str] = set()
    used: set[tuple[str, str]] = set()
    reference = ""
    for cells in records:
        kind = cells.text("RecordType")
        if kind == "AS02.01":
            block = _block(cells)
            if block.number in numbers:
                raise cells.fault("BlockId", "occurs twice")
            numbers.add(block.number)
            blocks.append(block)
            reference = cells.text("ResourceReference")
        elif kind == "SU05":
            block = blocks[-1]
            usage = _usage(cells, block, reference, summaries)
            if usage.transaction in transactions:
                raise cells.fault("SalesTransactionId", "occurs twice")
            if (usage.summary, block.own_id) in used:
                raise cells.fault("SummaryRecordId", "has this recording already")
            transactions.add(usage.transaction)
            used.add((usage.summary, block.own_id))
            block.usages.append(usage)
    return blocks


def _block(cells: RecordCells) -> DsrBlock:
    cells.need("BlockId", "ResourceReference", "DspResourceId", "Title")
    cells.need("DisplayArtistName", "Duration", "ResourceType")
    cells.matching("BlockId", r"BL\d+", "BL and a number")
    _check_party_id(cells, "DisplayArtistPartyId")
    people = [_people(cells, *names) for names in _PEOPLE]
    return DsrBlock(
        number=cells.text("BlockId"),
        own_id=cells.text("DspResourceId"),
        isrc=cells.checked("ISRC", "ISRC"),
        title=cells.text("Title"),
        sub_title=cells.text("SubTitle"),
        artist=cells.text("DisplayArtistName"),
        artist_id=cells.text("DisplayArtistPartyId"),
        duration_ms=_duration_ms(cells, "Duration"),
        resource_type=cells.one_of("ResourceType", ("SoundRecording", "Video")),
        iswc=cells.checked("ISWC", "ISWC"),
        writers=people[0],
        arrangers=people[1],
        publishers=people[2],
        contributors=people[3],
        work_number=cells.text("ProprietaryWorkId"),
    )


def _usage(
    cells: RecordCells,
    block: DsrBlock,
    reference: str,
    summaries: dict[str, DsrSummary],
) -> DsrUsage:
    cells.need("BlockId", "SummaryRecordId", "SalesTransactionId")
    cells.need("TransactedResource", "IsRoyaltyBearing", "NumberOfBroadcasts")
    if cells.text("BlockId") != block.number:
        raise cells.fault("BlockId", "is another block's")
    if cells.text("SummaryRecordId") not in summaries:
        raise cells.fault("SummaryRecordId", "is no summary")
    if cells.text("TransactedResource") != reference:
        raise cells.fault("TransactedResource", "is no resource of the block")
    if cells.text("ListenerDuration"):
        _duration_ms(cells, "ListenerDuration")
    return DsrUsage(
        summary=cells.text("SummaryRecordId"),
        transaction=cells.text("SalesTransactionId"),
        royalty_bearing=cells.one_of("IsRoyaltyBearing", ("true", "false")) == "true",
        broadcasts=cells.count("NumberOfBroadcasts") or 0,
        listeners=cells.count("NumberOfBroadcastListeners"),
    )


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
    parts = re.fullmatch(
        r"PT(?:(\d+)H)?(?:(\d+)M)?(\d+(?:\.\d+)?)S", cells.text(name), re.ASCII
    )
    if parts is None:
        raise cells.fault(name, "is no duration PT[hH][mM]sS")
    hours, minutes, seconds = (Decimal(part or 0) for part in parts.groups())
    return int(((hours * 60 + minutes) * 60 + seconds) * 1000)


def _check_counts(summaries: dict[str, DsrSummary], blocks: list[DsrBlock]) -> None:
    """Check that a station's count is that of its recordings.

    A rights controller's summary lists only what is his.
    """
    counted: Counter[str] = Counter()
    for block in blocks:
        for usage in block.usages:
            counted[usage.summary] += usage.broadcasts
    for number, summary in summaries.items():
        said, found = summary.broadcasts, counted[number]
        if found > said or (found < said and not summary.rights_controller):
            raise ReaderFault(
                0,
                "NumberOfBroadcasts",
                str(said),
                f"of summary {number} sums to {found}",
            )


def _check_foot(
    cells: RecordCells, lines: int, summaries: int, blocks: int, head: DsrHead
) -> None:
    wanted = {
        "NumberOfLinesInFile": lines,
        "NumberOfSummaryRecords": summaries,
        "NumberOfBlocksInFile": blocks,
    }
    if head.file_number == head.files:
        cells.need("NumberOfLinesInReport", "NumberOfBlocksInReport")
    if head.files == 1:
        wanted["NumberOfLinesInReport"] = lines
        wanted["NumberOfBlocksInReport"] = blocks
    for name in FOOT[1:]:
        found = cells.count(name)
        if name in wanted and found != wanted[name]:
            raise cells.fault(name, f"is not {wanted[name]}")


def _check_name(name: str, head: DsrHead, summaries: dict[str, DsrSummary]) -> None:
    stem = name.removesuffix(".gz").removesuffix(".tsv")
    if not re.search(r"\.tsv(\.gz)?$", name) or " " in name:
        raise ReaderFault(0, "name", name, "is no name of a .tsv file without blanks")
    parts = stem.split("_")
    if len(parts) == 7 and head.files == 1:
        parts.insert(6, "")
    if len(parts) != 8 or parts[0] != "DSR":
        raise ReaderFault(0, "name", name, "has not the eight parts of a name")
    recipient, sender, service, period, territory, count, made = parts[1:]
    fields = {
        "recipient": (recipient, {head.recipient_dpid, head.recipient}),
        "sender": (sender, {head.sender_dpid, head.sender}),
        "service": (
            service,
            {head.service} | {each.service for each in summaries.values()},
        ),
        "territory": (
            territory,
            {"Worldwide"} | {each.territory for each in summaries.values()},
        ),
    }
    for part, (value, known) in fields.items():
        if value and folded_name(value) not in {folded_name(each) for each in known}:
            raise ReaderFault(0, f"name: {part}", value, "is not what the file says")
    if period and (head.begins, head.ends) not in _periods(period):
        raise ReaderFault(0, "name: period", period, "is not the file's")
    if count not in {
        f"{head.file_number}of{head.files}",
        "" if head.files == 1 else "-",
    }:
        raise ReaderFault(0, "name: xofy", count, "is not the file's")
    if not re.fullmatch(
        r"\d{4}(0[1-9]|1[0-2])([0-2]\d|3[01])T([01]\d|2[0-3])([0-5]\d){2}", made
    ):
        raise ReaderFault(0, "name: time", made, "is no yyyymmddThhmmss")


def _periods(text: str) -> Iterator[tuple[date, date]]:
    """Yield the days that a period of a name stands for; none for a wrong one."""
    try:
        if re.fullmatch(r"\d{4}", text):
            yield date(int(text), 1, 1), date(int(text), 12, 31)
        elif found := re.fullmatch(r"(\d{4})-Q([1-4])", text):
            year, last = int(found[1]), int(found[2]) * 3
            yield date(year, last - 2, 1), _month_end(year, last)
        elif found := re.fullmatch(r"(\d{4})-(\d\d)", text):
            year, month = int(found[1]), int(found[2])
            yield date(year, month, 1), _month_end(year, month)
        elif found := re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:--(\d{4}-\d\d-\d\d))?", text):
            first = date.fromisoformat(found[1])
            yield first, date.fromisoformat(found[2] or found[1])
    except ValueError:
        return


def _month_end(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - timedelta(days=1)
