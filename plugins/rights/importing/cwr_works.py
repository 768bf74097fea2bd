"""Turns the records of a CWR transaction into claims, and checks its shares."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from django.utils.translation import gettext as _

from catalogue.owners.tis import WORLD, UnknownTerritory, expand, normalised
from plugins.rights.claims import (
    ClaimFault,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    ShareClaim,
    TitleClaim,
    WorkClaim,
)
from plugins.rights.importing.cwr_records import MOST_PCT, TOLERANCE, CwrRecord, milliseconds
from plugins.rights.importing.faults import fault

RIGHTS: Final = {"pr_share": "PR", "mr_share": "MR", "sr_share": "SR"}
OWNERSHIP, COLLECTION = "OWN", "COL"
_PUBLISHERS, _WRITERS = ("SPU", "OPU"), ("SWR", "OWR")
_TERRITORIES = ("SPT", "OPT", "SWT", "OWT")
# In which share records a territory record names its party.
_OWNERS_OF = {"SPT": _PUBLISHERS, "OPT": _PUBLISHERS, "SWT": _WRITERS, "OWT": _WRITERS}


@dataclass(slots=True)
class CwrTransaction:
    """A work as registered: its header and what belongs to it, with all faults."""

    version: str
    records: list[CwrRecord] = field(default_factory=list)
    faults: list[ClaimFault] = field(default_factory=list)
    is_full: bool = False
    is_spoilt: bool = False

    @property
    def is_refused(self) -> bool:
        """Return whether a fault keeps the work out."""
        return self.is_spoilt or any(not problem.is_warning for problem in self.faults)

    def of(self, *types: str) -> list[CwrRecord]:
        """Return the records of these types, in their order."""
        return [record for record in self.records if record.type in types]

    def check(self) -> None:
        """Check what concerns several records; adds to ``faults``."""
        self._check_sums()
        self._check_references()

    def _fault(self, record: CwrRecord, name: str, value: str, rule: str) -> None:
        position = record.position(name)
        self.faults.append(fault(record.line, position, value, rule))

    def _check_sums(self) -> None:
        header = self.records[0]
        for name, right in RIGHTS.items():
            publishers, writers = (
                sum((r.shares.get(name, Decimal()) for r in self.of(*types)), Decimal())
                for types in (_PUBLISHERS, _WRITERS)
            )
            most = 50 if name == "pr_share" else 100
            if publishers > most + TOLERANCE:
                rule = _("Publishers may have at most %(most)s %% of this right.") % {"most": most}
                self._fault(header, right, str(publishers), rule)
            if name == "pr_share" and TOLERANCE < writers < 50 - TOLERANCE:
                rule = _("Writers must have nothing or at least %(least)s %% of this right.") % {
                    "least": 50
                }
                self._fault(header, right, str(writers), rule)
            total = publishers + writers
            if total > TOLERANCE and abs(total - 100) > TOLERANCE:
                rule = _("All shares together must be 100 % or nothing.")
                self._fault(header, right, str(total), rule)

    def _check_references(self) -> None:
        parties: dict[str, set[str]] = defaultdict(set)
        # The party and type of the last inclusion that an exclusion may follow.
        included = ("", "")
        for record in self.records:
            if record.type in (*_PUBLISHERS, *_WRITERS):
                parties[record.type].add(record["party"])
                included = ("", "")
            elif record.type in _TERRITORIES:
                owners = set().union(*(parties[kind] for kind in _OWNERS_OF[record.type]))
                if record["party"] and record["party"] not in owners:
                    rule = _("No share before this record names this party.")
                    self._fault(record, "party", record["party"], rule)
                this = (record.type, record["party"])
                if record["inclusion"] == "I":
                    included = this
                elif record["inclusion"] == "E" and included != this:
                    rule = _("An excluded territory must follow an included one.")
                    self._fault(record, "territory", record["territory"], rule)
            elif record.type == "PWR":
                self._check_publisher_of_writer(record, parties)
            elif record["type"] in ("OL", "AL") and not record["language"]:
                rule = _("Titles of the types OL and AL must name their language.")
                self._fault(record, "language", "", rule)

    def _check_publisher_of_writer(self, record: CwrRecord, parties: dict[str, set[str]]) -> None:
        rule = _("No share before this record names this party.")
        if record["party"] and record["party"] not in parties["SPU"] | parties["OPU"]:
            self._fault(record, "party", record["party"], rule)
        writers = parties["SWR"] | parties["OWR"]
        if not writers or (record["writer"] and record["writer"] not in writers):
            self._fault(record, "writer", record["writer"], rule)


@dataclass(slots=True)
class WorkBatch:
    """The claims of some transactions."""

    parties: dict[str, PartyClaim] = field(default_factory=dict)
    works: list[WorkClaim] = field(default_factory=list)
    recordings: list[RecordingClaim] = field(default_factory=list)
    releases: dict[str, ReleaseClaim] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.works)

    def message(self, **head: Any) -> RightsMessage:  # Any: the head's fields
        """Return the batch as a message with this head."""
        return RightsMessage(
            **head,
            parties=tuple(self.parties.values()),
            works=tuple(self.works),
            recordings=tuple(self.recordings),
            releases=tuple(self.releases.values()),
        )

    def add(self, transaction: CwrTransaction, shares: WorkShares) -> None:
        """Add the claims of a transaction without faults."""
        header = transaction.records[0]
        self.parties |= shares.parties
        recordings = self._recordings(transaction)
        self.works.append(
            WorkClaim(
                key=header["work"],
                title=header["title"],
                iswc=header["iswc"],
                submitter_id=header["work"],
                category=header["category"],
                version=header["version"],
                titles=tuple(
                    TitleClaim(
                        text=record["title"], kind=record["type"], language=record["language"]
                    )
                    for record in transaction.of("ALT")
                ),
                shares=tuple(shares.claims),
                recordings=tuple(recording.key for recording in recordings),
                line=header.line,
            )
        )
        self.recordings += recordings

    def _recordings(self, transaction: CwrTransaction) -> list[RecordingClaim]:
        """Return the recordings of a work; releases by EAN are added to the batch.

        Performers are of the work, not of a recording, so several recordings do not
        share them.
        """
        header = transaction.records[0]
        records = transaction.of("REC")
        performers = tuple(
            f"{record['first_name']} {record['name']}".strip() for record in transaction.of("PER")
        )
        if not records and performers:
            return [
                RecordingClaim(
                    key=f"{header['work']} PER",
                    title=header["title"],
                    artists=performers,
                    works=(header["work"],),
                    line=transaction.of("PER")[0].line,
                )
            ]
        recordings = []
        for record in records:
            # "N" says that the code is known to be wrong.
            isrc = "" if record["isrc_validity"] == "N" else record["isrc"]
            artists: tuple[str, ...] = (record["artist"],) if record["artist"] else ()
            if not artists and len(records) == 1:
                artists = performers
            recording = RecordingClaim(
                key=isrc or f"{header['work']} REC {record.line}",
                isrc=isrc,
                title=record["title"] or header["title"],
                version_title=record["version_title"],
                artists=artists,
                duration_ms=milliseconds(record["duration"]),
                label=record["recording_label"] or record["label"],
                works=(header["work"],),
                line=record.line,
            )
            recordings.append(recording)
            if record["ean"]:
                release = _release(record, recording)
                earlier = self.releases.setdefault(release.key, release)
                tracks = dict.fromkeys((*earlier.tracks, recording.key))
                self.releases[release.key] = replace(earlier, tracks=tuple(tracks))
        return recordings


def _release(record: CwrRecord, recording: RecordingClaim) -> ReleaseClaim:
    return ReleaseClaim(
        key=record["ean"],
        title=record["album"],
        upc=record["ean"],
        catalogue_number=record["catalogue_number"],
        label=record["label"],
        released=record.dates.get("released"),
        tracks=(recording.key,),
        line=record.line,
    )


@dataclass(slots=True)
class WorkShares:
    """The parties and shares of one work, taken record by record."""

    parties: dict[str, PartyClaim] = field(default_factory=dict)
    claims: list[ShareClaim] = field(default_factory=list)
    faults: list[ClaimFault] = field(default_factory=list)
    unnamed: int = 0
    """Shares of parties without name and IPI, which are left out."""
    _roles: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Role and key of the party by its number in the transaction."""
    _writers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Positions of the shares of each writer, by the writer's number."""
    _writer: str = ""
    _territory: CwrRecord | None = None
    _made: int = 0
    """How many claims the last inclusion made."""

    def take(self, record: CwrRecord) -> None:
        """Add the shares of a record; other records are ignored."""
        if record.type in (*_PUBLISHERS, *_WRITERS):
            self._take_owner(record)
        elif record.type in _TERRITORIES:
            self._take_territory(record)
        elif record.type == "PWR":
            self._take_publisher(record)
        else:
            return
        if record.type not in _TERRITORIES:
            self._territory = None

    def _take_owner(self, record: CwrRecord) -> None:
        number = record["party"]
        is_writer = record.type in _WRITERS
        if is_writer:
            self._writer = number
        key = number or record["ipi_name"] or f"{record['first_name']} {record['name']}"
        key = key.strip()
        if not key or not (record["name"] or record["ipi_name"]):
            self.unnamed += 1
            self._roles.pop(number, None)
            return
        self.parties[key] = _party(key, record)
        role = record["type"]
        self._roles[number] = (role, key)
        shares = {name: record.shares.get(name, Decimal()) for name in RIGHTS}
        # A party without ownership still has its role.
        named = [name for name in RIGHTS if shares[name]] or ["pr_share"]
        for name in named:
            if is_writer:
                self._writers[number].append(len(self.claims))
            self.claims.append(
                ShareClaim(
                    party=key,
                    role=role,
                    right=RIGHTS[name],
                    kind=OWNERSHIP,
                    percent=shares[name],
                    included=(WORLD,),
                    agreement="" if is_writer else record["agreement"],
                    line=record.line,
                )
            )

    def _take_territory(self, record: CwrRecord) -> None:
        try:
            territory = normalised(record["territory"])
        except UnknownTerritory as error:
            position = record.position("territory")
            self.faults.append(fault(record.line, position, record["territory"], str(error)))
            return
        if record["party"] not in self._roles:
            return
        last, self._territory = self._territory, record
        if record["inclusion"] == "E":
            self._widen(excluded=territory)
        # Territories with equal shares are one claim, until one is excluded.
        elif (
            last is not None
            and last["inclusion"] == "I"
            and (last.type, last["party"], last.shares)
            == (record.type, record["party"], record.shares)
        ):
            self._widen(included=territory)
        else:
            self._collect(record, territory)

    def _collect(self, record: CwrRecord, territory: str) -> None:
        role, key = self._roles[record["party"]]
        before = len(self.claims)
        for name, right in RIGHTS.items():
            if percent := record.shares.get(name):
                self.claims.append(
                    ShareClaim(
                        party=key,
                        role=role,
                        right=right,
                        kind=COLLECTION,
                        percent=percent,
                        included=(territory,),
                        line=record.line,
                    )
                )
        self._made = len(self.claims) - before

    def _widen(self, *, included: str = "", excluded: str = "") -> None:
        """Add a territory to the claims of the last inclusion."""
        for position in range(len(self.claims) - self._made, len(self.claims)):
            claim = self.claims[position]
            self.claims[position] = replace(
                claim,
                included=claim.included + ((included,) if included else ()),
                excluded=claim.excluded + ((excluded,) if excluded else ()),
            )

    def check_collection(self, header: CwrRecord) -> None:
        """Note where parties collect more than all of a right in a territory."""
        for right in RIGHTS.values():
            collected = [
                claim for claim in self.claims if claim.kind == COLLECTION and claim.right == right
            ]
            areas = tuple((claim.included, claim.excluded) for claim in collected)
            for country, together in _overlaps(areas):
                total = sum((collected[position].percent or 0) for position in together)
                if total > MOST_PCT:
                    rule = _("At most 100 %% may be collected in %(territory)s.") % {
                        "territory": country
                    }
                    position = header.position(f"{right} collection")
                    self.faults.append(fault(header.line, position, str(total), rule))
                    break

    def _take_publisher(self, record: CwrRecord) -> None:
        """Note the publisher of a writer; the first one that is named counts."""
        _role, key = self._roles.get(record["party"], ("", ""))
        for position in self._writers[record["writer"] or self._writer]:
            claim = self.claims[position]
            if key and not claim.controlled_by:
                self.claims[position] = replace(
                    claim, controlled_by=key, agreement=record["agreement"]
                )


def _party(key: str, record: CwrRecord) -> PartyClaim:
    societies = (record[name] for name in ("pr_society", "mr_society", "sr_society"))
    return PartyClaim(
        key=key,
        name=record["name"],
        first_name=record["first_name"],
        ipi_name=record["ipi_name"],
        ipi_base=record["ipi_base"],
        society=next(filter(None, societies), ""),
    )


Area = tuple[tuple[str, ...], tuple[str, ...]]


@lru_cache(maxsize=1024)
def _overlaps(areas: tuple[Area, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return which areas hold in the same country, with one such country each."""
    together: dict[str, list[int]] = defaultdict(list)
    for position, (included, excluded) in enumerate(areas):
        for country in expand(included, excluded):
            together[country].append(position)
    countries: dict[tuple[int, ...], str] = {}
    for country in sorted(together):
        countries.setdefault(tuple(together[country]), country)
    return tuple((country, positions) for positions, country in countries.items())
