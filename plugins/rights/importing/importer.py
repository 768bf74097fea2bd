"""Imports a message of rights, or only checks it.

Each batch is one transaction, so that an import holds nobody up and can be stopped;
repeated, it finds what it did and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from base.accounts.models import User
from base.audit.standing import counted_by_kind
from base.common.storage import local_path
from base.jobs.services import submit
from catalogue.models import Recording
from catalogue.owners.texts import folded
from imports.kinds import Columns
from imports.table_encoding import RECOGNISED
from plugins.rights.claims import AppliedRecord, ClaimFault, PartyClaim, RightsMessage
from plugins.rights.importing.faults import Read, ReadCounts
from plugins.rights.importing.reading import TableChoices, open_message
from plugins.rights.importing.table import FORMAT as TABLE
from plugins.rights.jobs import REVIEW_RIGHTS
from plugins.rights.models import RightsImport
from plugins.rights.services import apply_claims

SHOWN: Final = 200
_SHOWN_VALUES = 12
# Changes that name other records, which are only counted: a check makes up their ids.
_LINKS = ("recordings", "track")
_PARTY_CODES = ("ipi_name", "isni", "ipn", "dpid", "ipi_base")
RECORD_KINDS: Final = ("work", "party", "rights_recording", "release")


@dataclass(slots=True)
class RightsSummary:
    """What an import of rights did or would do; the lists hold the first entries.

    ``created``, ``changed`` and ``unchanged`` count records by kind, each once, even if
    the file names it often. ``refused`` counts works, recordings and releases.
    """

    format: str = ""
    version: str = ""
    sender: str = ""
    message_id: str = ""
    created_at: str = ""
    created: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    fault_count: int = 0
    warning_count: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON
    warnings: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    conflicts: int = 0
    """Conflicts that a check foresees."""
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)  # Any: JSON
    """Statements by kind that stand on recordings whose rights would change."""

    def note_head(self, message: RightsMessage) -> None:
        """Keep what identifies the message."""
        self.format, self.version = message.format, message.version
        self.sender, self.message_id = message.sender, message.message_id
        self.created_at = message.created.isoformat() if message.created else ""

    def note_fault(self, fault: ClaimFault) -> None:
        """Count a fault or warning; the first ones are kept."""
        if fault.is_warning:
            self.warning_count += 1
        else:
            self.fault_count += 1
        notes = self.warnings if fault.is_warning else self.faults
        if len(notes) < SHOWN:
            notes.append(
                {
                    "line": fault.line or 0,
                    "column": fault.field,
                    "value": fault.value[:200],
                    "rule": fault.rule,
                }
            )

    def note_change(self, record: AppliedRecord) -> None:
        """Keep a record that was made or changed, if it is among the first."""
        if len(self.changes) < SHOWN:
            values = list(record.changes.items())[:_SHOWN_VALUES]
            self.changes.append(
                {
                    "kind": record.kind,
                    "name": record.name[:200],
                    "is_new": record.is_new,
                    "after": {
                        name: str(len(value))
                        if name in _LINKS and isinstance(value, list)
                        else _format_value(value)
                        for name, value in values
                    },
                }
            )


def _format_value(value: object) -> str:
    if isinstance(value, list):
        return " | ".join(map(str, value))[:300]
    return str(value)[:300]


@dataclass(slots=True)
class RightsImporter:
    """Applies a reader's records; ``dry`` writes nothing."""

    source: str
    sender: str
    user: User | None
    dry: bool
    heartbeat: Callable[[], None] = lambda: None
    summary: RightsSummary = field(default_factory=RightsSummary)
    _met: dict[int, bool] = field(default_factory=dict)
    """Records that were counted, by a digest, and whether they count as unchanged."""
    _made: _MadeParties = field(default_factory=lambda: _MadeParties())
    _conflicts: set[tuple[str, str, str]] = field(default_factory=set)
    _recordings: set[str] = field(default_factory=set)

    def run(self, reads: Iterable[Read]) -> RightsSummary:
        """Apply batch by batch; a claim with a fault does not affect the others."""
        for read in reads:
            self.heartbeat()
            if isinstance(read, ClaimFault):
                self.summary.note_fault(read)
            elif isinstance(read, ReadCounts):
                self.summary.refused += read.refused
                self.summary.records = dict(read.records)
                self.summary.skipped = dict(read.skipped)
                self.summary.reading = read.reading
            else:
                self._apply(read)
        self.summary.conflicts = len(self._conflicts)
        self.summary.stated = counted_by_kind(f"recording:{uid}" for uid in self._recordings)
        return self.summary

    def _apply(self, message: RightsMessage) -> None:
        if message.format == TABLE:
            message = replace(message, sender=self.sender)
        self.summary.note_head(message)
        applied = apply_claims(
            message=message, source=self.source, actor=self.user, dry_run=self.dry, follows=False
        )
        self._conflicts |= applied.conflicts
        self._recordings |= applied.recordings
        lines = _lines_of_parties(message)
        for fault in applied.faults:
            if fault.line is None:
                fault = replace(fault, line=lines.get(fault.value))
            self.summary.note_fault(fault)
        # Works, recordings and releases that were left out.
        claimed = {("work", claim.key) for claim in message.works}
        claimed |= {("recording", claim.key) for claim in message.recordings}
        claimed |= {("release", claim.key) for claim in message.releases}
        applied_count = sum(record.kind != "party" for record in applied.records)
        self.summary.refused += len(claimed) - applied_count
        parties = {party.key: party for party in message.parties}
        for record in applied.records:
            self._count(record, parties)

    def _count(self, record: AppliedRecord, parties: dict[str, PartyClaim]) -> None:
        """Count a record when the file names it first, or when it changes later."""
        identity = record.key
        if record.kind == "party":
            identity = record.uid
            # A check writes nothing, so that each batch makes a party anew; it goes by
            # the id in the first of them.
            if self.dry and record.is_new:
                identity = self._made.uid_of(parties[record.key], record.uid)
        key = hash((record.kind, identity))
        was_unchanged = self._met.get(key)
        is_unchanged = not record.changes
        if was_unchanged is False or (was_unchanged and is_unchanged):
            return
        self._met[key] = is_unchanged
        summary = self.summary
        if was_unchanged:
            _add(summary.unchanged, record.kind, -1)
        if is_unchanged:
            _add(summary.unchanged, record.kind, 1)
            return
        _add(summary.created if record.is_new else summary.changed, record.kind, 1)
        summary.note_change(record)


@dataclass(slots=True)
class _MadeParties:
    """Parties that a check would have made, found again as ``rights.matching`` does."""

    _uids: dict[int, str] = field(default_factory=dict)
    """By digests of codes, names and of names whose party has no code yet.

    A name of several parties has no id.
    """

    def uid_of(self, claim: PartyClaim, uid: str) -> str:
        """Return the id of the same party in earlier batches, or else ``uid``."""
        codes = [
            hash((name, code)) for name in _PARTY_CODES if (code := getattr(claim, name).strip("0"))
        ]
        text = folded(f"{claim.first_name} {claim.name}")
        name, bare = hash(("name", text)), hash(("bare", text))
        earlier_uid = next((self._uids[code] for code in codes if code in self._uids), "")
        only, first_bare = self._uids.get(name, ""), self._uids.get(bare, "")
        if not earlier_uid and codes:
            earlier_uid = only if only == first_bare else ""
        elif not earlier_uid:
            earlier_uid = only or first_bare
        party_uid = earlier_uid or uid
        if self._uids.setdefault(name, party_uid) != party_uid:
            self._uids[name] = ""
        if not codes and not earlier_uid:
            self._uids.setdefault(bare, party_uid)
        elif codes and party_uid == first_bare:
            del self._uids[bare]
        for code in codes:
            self._uids.setdefault(code, party_uid)
        return party_uid


def _add(counts: dict[str, int], kind: str, number: int) -> None:
    counts[kind] = counts.get(kind, 0) + number


def _lines_of_parties(message: RightsMessage) -> dict[str, int]:
    """Return the first line that names each code of a party."""
    parties = {party.key: party for party in message.parties}
    lines: dict[str, int] = {}
    shares = [share for work in message.works for share in work.shares]
    shares += [share for recording in message.recordings for share in recording.shares]
    for share in shares:
        party = parties.get(share.party)
        for name in (*_PARTY_CODES, "society", "key"):
            if party is not None and (code := getattr(party, name)):
                lines.setdefault(code, share.line or 0)
    return lines


def isrc_of(custom_id: str) -> str:
    """Return the ISRC of our recording with this id; "" if none or several have one."""
    isrcs = (
        Recording.objects.filter(custom_id=custom_id)
        .exclude(isrc_normalised="")
        .values_list("isrc_normalised", flat=True)
    )
    codes = set(isrcs[:2])
    return codes.pop() if len(codes) == 1 else ""


def import_file(
    task: RightsImporter,
    path: Path,
    *,
    name: str,
    encoding: str = RECOGNISED,
    header_line: int | None = None,
    chosen: Mapping[str, str] | None = None,
) -> RightsSummary:
    """Import a file, or only check it; conflicts are looked for in the background.

    ``name`` identifies a message; ``encoding`` and ``header_line`` are those of a table,
    and ``chosen`` its rules. Raises ``ImportRefused`` if the file is unusable.
    """
    as_table = TableChoices(encoding, header_line, chosen or {})
    with open_message(
        path, name=name, choices=as_table, isrc_of=isrc_of, heartbeat=task.heartbeat
    ) as reads:
        summary = task.run(reads)
    if not task.dry and (summary.created or summary.changed):
        submit(REVIEW_RIGHTS, None)
    return summary


def run(rights_import: RightsImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the file, or only check it; return the columns with the outcome."""
    task = RightsImporter(
        source=f"import {rights_import.uid}, {rights_import.file_name}",
        sender=rights_import.sender,
        user=rights_import.made_by,
        dry=dry,
        heartbeat=heartbeat,
    )
    with local_path(rights_import.file) as path:
        summary = import_file(
            task, path, name=rights_import.file_name, encoding=rights_import.encoding
        )
    return {"summary": asdict(summary)}
