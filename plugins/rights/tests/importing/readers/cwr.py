"""Reads the works of a CWR 2.1 file by the positions in the standard's tables.

The files of tests have no fault; what the product refuses is tested without it.
"""

from __future__ import annotations

from decimal import Decimal

from plugins.rights.tests.importing.readers.claims import (
    SeenMessage,
    SeenRecording,
    SeenShare,
    SeenWork,
)

RIGHTS = ("PR", "MR", "SR")


class _Record(str):
    """A record whose fields are cut out by position, counted from 1."""

    def cut(self, start: int, size: int) -> str:
        return self[start - 1 : start - 1 + size].strip()

    def percent(self, start: int) -> Decimal:
        return Decimal(int(self.cut(start, 5) or 0)) / 100


def parse(data: bytes, _name: str) -> SeenMessage:
    message = SeenMessage()
    # Name, role and IPI of those whom the records of a work name before.
    parties: dict[str, tuple[str, str, str]] = {}
    for record in map(_Record, data.decode("ascii").splitlines()):
        match record[:3]:
            case "NWR":
                parties = {}
                message.works.append(
                    SeenWork(record.cut(82, 14), record.cut(20, 60), record.cut(96, 11))
                )
            case "SPU":
                cuts = record.cut(31, 45), record.cut(77, 2), record.cut(88, 11)
                parties[record.cut(22, 9)] = cuts
                _own(message.works[-1], record, cuts, 113)
            case "SWR":
                name = f"{record.cut(74, 30)} {record.cut(29, 45)}".strip()
                cuts = name, record.cut(105, 2), record.cut(116, 11)
                parties[record.cut(20, 9)] = cuts
                _own(message.works[-1], record, cuts, 127)
            case "SPT":
                _collect(message.works[-1], record, parties, 35)
            case "SWT":
                _collect(message.works[-1], record, parties, 29)
            case "ALT":
                title = record.cut(20, 60), record.cut(80, 2)
                message.works[-1].titles.append(title)
            case "REC":
                work = message.works[-1]
                work.recordings.append(SeenRecording(record.cut(250, 12), work.title))
    return message


def _own(work: SeenWork, record: _Record, writer: tuple[str, str, str], at: int) -> None:
    """Take the three owned shares, each after its society."""
    name, role, ipi = writer
    for place, right in enumerate(RIGHTS):
        if percent := record.percent(at + 8 * place + 3):
            work.shares.append(SeenShare(name, role, right, "OWN", percent, ipi=ipi))


def _collect(
    work: SeenWork, record: _Record, parties: dict[str, tuple[str, str, str]], at: int
) -> None:
    """Take the three collected shares of the territory that stands after them."""
    name, role, ipi = parties[record.cut(20, 9)]
    territory = (record.cut(at + 16, 4),)
    for place, right in enumerate(RIGHTS):
        if percent := record.percent(at + 5 * place):
            work.shares.append(SeenShare(name, role, right, "COL", percent, territory, (), ipi))
