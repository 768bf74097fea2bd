"""Reads CWR 2.1 and 2.2, transaction by transaction, in little memory.

Groups of new and revised works are read; all other records are counted and skipped. A
transaction with a fault is left out, with all its faults; the others are read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import BinaryIO, Final

from django.utils.translation import gettext as _

from plugins.rights.claims import ClaimFault
from plugins.rights.importing.cwr_records import LAYOUTS, CwrRecord, milliseconds, read_record
from plugins.rights.importing.cwr_works import CwrTransaction, WorkBatch, WorkShares
from plugins.rights.importing.faults import MessageRefused, Read, ReadCounts, fault

FORMAT: Final = "CWR"
_WORK_TYPES = ("NWR", "REV")
# One transaction each, during which nobody else can write.
_BATCH = 50
_UNNAMED = "share of an unnamed party"
# The longest record has 540 characters, each up to four bytes.
_MAX_LINE = 4_096
_MAX_TRANSACTION = 5_000
_TYPE = re.compile(r"[A-Z]{3}")


def is_cwr(beginning: bytes) -> bool:
    """Tell whether a file begins as a CWR file does."""
    return re.match(rb"(?:\xef\xbb\xbf)?HDR(PB|SO|AA|WR|[0-9]{2})[0-9]{9}", beginning) is not None


def read_cwr(file: BinaryIO, *, name: str = "") -> Iterator[Read]:
    """Yield the works of a CWR file in batches, its faults, and at the end the counts.

    ``name`` is the name of the file, which identifies the message.
    """
    return CwrReader(name).read(file)


@dataclass(slots=True)
class _CwrGroup:
    """A group: its type and number, and what was counted in it."""

    type: str
    number: int
    line: int
    transactions: int = 0
    records: int = 1


@dataclass(slots=True)
class CwrReader:
    """The state of one reading."""

    name: str
    counts: ReadCounts = field(default_factory=ReadCounts)
    _faults: list[ClaimFault] = field(default_factory=list)
    _version: str = "2.1"
    _sender: str = ""
    _message_id: str = ""
    _created: datetime | None = None
    _line: int = 0
    _group: _CwrGroup | None = None
    _groups: int = 0
    _transactions: int = 0
    _records: int = 0
    _is_ended: bool = False
    _transaction: CwrTransaction | None = None
    _transaction_number: int = -1
    _next_record: int = 0
    _has_other_text: bool = False

    def read(self, file: BinaryIO) -> Iterator[Read]:
        """Yield batches, faults and counts."""
        batch = WorkBatch()
        for text in self._lines(file):
            done = self._take(text)
            if done is not None:
                self._finish(done, batch)
            yield from self._take_faults()
            if len(batch) >= _BATCH:
                yield batch.message(**self._head())
                batch = WorkBatch()
        if (last := self._close_transaction()) is not None:
            self._finish(last, batch)
        if not self._is_ended:
            rule = _("The file ends without its trailer TRL. Part of it is missing.")
            self._fault("TRL", "", rule)
        yield from self._take_faults()
        if len(batch):
            yield batch.message(**self._head())
        yield self.counts

    def _head(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "version": self._version,
            "sender": self._sender,
            "message_id": self._message_id,
            "created": self._created,
        }

    def _take_faults(self) -> Iterator[ClaimFault]:
        taken, self._faults = self._faults, []
        yield from taken

    def _fault(self, name: str, value: str, rule: str, **flags: bool) -> None:
        self._faults.append(fault(self._line, name, value, rule, **flags))

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        """Yield the records as text; a line that is far too long is left out."""
        is_rest = False
        while raw := file.readline(_MAX_LINE):
            if not self._line:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            ends = raw.endswith(b"\n")
            if not is_rest:
                self._line += 1
            if is_rest or (not ends and len(raw) == _MAX_LINE):
                if not is_rest:
                    rule = _("The line is far longer than any record.")
                    self._fault(_ascii(raw[:3]), _ascii(raw[:60]), rule)
                    self._spoil()
                is_rest = not ends
                continue
            text = self._decode_line(raw.rstrip(b"\r\n"))
            if text.strip(" \x1a"):
                yield text

    def _decode_line(self, raw: bytes) -> str:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        if not text.isascii() and not self._has_other_text:
            self._has_other_text = True
            rule = _(
                "CWR is written in ASCII. This line and perhaps others have other "
                "characters; they are read as UTF-8, or else as Latin-1."
            )
            self._fault(text[:3], text[19:60].strip(), rule, is_warning=True)
        return text

    def _take(self, text: str) -> CwrTransaction | None:
        """Take a record; return the transaction that ends before it."""
        kind = text[:3]
        self._records += 1
        if self._group is not None and kind != "TRL":
            self._group.records += 1
        if not _TYPE.fullmatch(kind):
            self._fault(_("Record type"), kind, _("A record must begin with its type."))
            self._spoil()
            return None
        if self._is_ended:
            self._fault(kind, "", _("Nothing may follow the trailer TRL."))
            return None
        if self._records == 1 and kind != "HDR":
            raise MessageRefused(_("A CWR file must begin with the record HDR."))
        if kind in ("HDR", "GRH", "GRT", "TRL"):
            done = self._close_transaction()
            self.counts.records[kind] += 1
            self._take_control(kind, text)
            return done
        return self._take_detail(kind, text)

    # Control records

    def _take_control(self, kind: str, text: str) -> None:
        if kind == "HDR":
            # The header of 2.2 is longer; the group says which version follows.
            version = "2.2" if len(text.rstrip()) > 101 else "2.1"
            record, faults = read_record(text, line=self._line, version=version)
            self._faults += faults
            self._take_header(record)
            return
        record, faults = read_record(text, line=self._line, version=self._version)
        self._faults += faults
        if kind == "GRH":
            self._open_group(record)
        elif kind == "GRT":
            self._close_group(record)
        else:
            self._end(record)

    def _take_header(self, record: CwrRecord) -> None:
        if self._records > 1:
            self._fault("HDR", "", _("A file can have only one header."))
            return
        sender_id = record["sender_type"] + record["sender_id"]
        # An IPI of over nine digits begins in the field of the sender's type.
        if not sender_id.isdigit():
            sender_id = record["sender_id"]
        self._sender = record["sender"] or sender_id
        created = record.dates.get("created")
        if created is not None:
            at_ms = milliseconds(record["created_time"]) or 0
            hours, seconds = divmod(at_ms // 1000, 3600)
            clock = time(hours % 24, seconds // 60, seconds % 60, tzinfo=UTC)
            self._created = datetime.combine(created, clock)
        day = created.isoformat() if created else ""
        self._message_id = self.name or f"{sender_id} {day}".strip()

    def _open_group(self, record: CwrRecord) -> None:
        if self._group is not None:
            rule = _("The previous group has no trailer GRT.")
            self._fault("GRH", record["group"], rule)
        self._groups += 1
        if record.number("group") != self._groups:
            rule = _("Groups are numbered from 1; this should be %(number)s.") % {
                "number": self._groups
            }
            self._fault("GRH group", record["group"], rule)
        if record["version"] == "02.20":
            self._version = "2.2"
        elif record["version"] == "02.10":
            self._version = "2.1"
        self._group = _CwrGroup(record["type"], record.number("group"), self._line)
        self._transaction_number = -1

    def _close_group(self, record: CwrRecord) -> None:
        group, self._group = self._group, None
        if group is None:
            self._fault("GRT", record["group"], _("There is no group to close."))
            return
        self._transactions += group.transactions
        self._compare(record, "group", group.number)
        self._compare(record, "transactions", group.transactions)
        self._compare(record, "records", group.records)

    def _end(self, record: CwrRecord) -> None:
        self._is_ended = True
        if self._group is not None:
            self._fault("TRL", "", _("The last group has no trailer GRT."))
            self._transactions += self._group.transactions
            self._group = None
        self._compare(record, "groups", self._groups)
        self._compare(record, "transactions", self._transactions)
        self._compare(record, "records", self._records)

    def _compare(self, record: CwrRecord, name: str, counted: int) -> None:
        stated = record.number(name)
        if stated not in (counted, -1):
            rule = _("The file contains %(counted)s.") % {"counted": counted}
            self._fault(record.position(name), str(stated), rule)

    # Detail records

    def _take_detail(self, kind: str, text: str) -> CwrTransaction | None:
        """Take a record of a group; return the transaction that ends before it."""
        group = self._group
        if group is None:
            self._fault(kind, "", _("This record is outside a group."))
            return None
        is_header = text[11:19] == "00000000"
        if group.type not in _WORK_TYPES:
            # Acknowledgements repeat the works that they are about.
            group.transactions += is_header
            self.counts.skipped[kind] += 1
            return None
        is_header = is_header or kind in _WORK_TYPES
        done = self._close_transaction() if is_header else None
        group.transactions += is_header
        if kind in _WORK_TYPES:
            self._transaction = CwrTransaction(version=self._version)
            if kind != group.type:
                rule = _("This group is for %(type)s.") % {"type": group.type}
                self._fault(kind, "", rule, is_warning=True)
        if (wrong := self._follow(text, is_header=is_header)) is not None:
            self._blame(wrong)
        if kind in LAYOUTS:
            self.counts.records[kind] += 1
            self._add(text)
        else:
            self.counts.skipped[kind] += 1
        return done

    def _blame(self, wrong: ClaimFault) -> None:
        """Add a fault to the transaction that is being read, or to the file."""
        of_it = self._transaction.faults if self._transaction else self._faults
        of_it.append(wrong)

    def _add(self, text: str) -> None:
        record, faults = read_record(text, line=self._line, version=self._version)
        transaction = self._transaction
        if transaction is None:
            rule = _("No work precedes this record.")
            self._fault(record.type, text[:19], rule)
            return
        transaction.faults += faults
        if len(transaction.records) < _MAX_TRANSACTION:
            transaction.records.append(record)
        elif len(transaction.records) == _MAX_TRANSACTION and not transaction.is_full:
            transaction.is_full = True
            rule = _("A work may have at most %(limit)s records.") % {"limit": _MAX_TRANSACTION}
            self._blame(fault(self._line, record.type, text[:19], rule))

    def _follow(self, text: str, *, is_header: bool) -> ClaimFault | None:
        """Compare a record's two numbers with those that must follow."""
        if is_header:
            self._transaction_number += 1
            self._next_record = 0
        expected = f"{self._transaction_number:08d}{self._next_record:08d}"
        self._next_record += 1
        numbers = text[3:19]
        if numbers == expected:
            return None
        # The numbers after this one are compared with it, so that one is a fault.
        if re.fullmatch(r"[0-9]{16}", numbers):
            self._transaction_number = int(numbers[:8])
            self._next_record = int(numbers[8:]) + 1
        rule = _("The numbers of transaction and record should be %(expected)s.") % {
            "expected": expected
        }
        return fault(self._line, text[:3], numbers, rule)

    def _spoil(self) -> None:
        """Leave the transaction out that an unreadable record belongs to."""
        if self._transaction is not None:
            self._transaction.is_spoilt = True

    def _close_transaction(self) -> CwrTransaction | None:
        done, self._transaction = self._transaction, None
        return done

    def _finish(self, transaction: CwrTransaction, batch: WorkBatch) -> None:
        """Put a transaction without faults into the batch, and tell its faults."""
        transaction.check()
        shares = WorkShares()
        for record in transaction.records:
            shares.take(record)
        shares.check_collection(transaction.records[0])
        transaction.faults += shares.faults
        self._faults += transaction.faults
        if transaction.is_refused:
            self.counts.refused += 1
            return
        if shares.unnamed:
            self.counts.skipped[_UNNAMED] += shares.unnamed
        batch.add(transaction, shares)


def _ascii(raw: bytes) -> str:
    return raw.decode("ascii", errors="replace")
