"""Makes CWR files of any length, with what they say.

Written from the standard's tables, without the reader's code. Works are numbered; the
same number always makes the same work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_HEADER = "HDRPB000471148" + "EXAMPLE MUSIC".ljust(45) + "01.1020261120101500" + "20261120"
NAME = "CW260001EXM_000.V21"


def ipi(number: int) -> str:
    digits = f"{number:09d}"
    total = sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 101
    return digits + f"{(101 - total) % 101 % 100:02d}"


def iswc(number: int) -> str:
    digits = f"{number:09d}"
    total = 1 + sum(i * int(d) for i, d in enumerate(digits, start=1))
    return f"T{digits}{-total % 10}"


def ean(number: int) -> str:
    digits = f"2{number:011d}"
    total = sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits))
    return digits + str(-total % 10)


def isrc(number: int) -> str:
    return f"QZAA{number // 100_000 % 10}{number % 10_000_000:07d}"


@dataclass(frozen=True, slots=True)
class MadeWork:
    """A work of a generated file: two writers, a publisher of one, one recording."""

    number: int

    @property
    def key(self) -> str:
        return f"W{self.number:07d}"

    @property
    def title(self) -> str:
        return f"SONG NUMBER {self.number}"

    @property
    def writers(self) -> tuple[int, int]:
        """Return the numbers of the two writers; each writes about ten works."""
        first = self.number // 10
        return first, first + 1

    @property
    def performing(self) -> dict[str, Decimal]:
        """Return the performing shares that are owned, by IPI."""
        first, second = self.writers
        return {
            "00000471148": Decimal(25),
            ipi(1_000 + first): Decimal(25),
            ipi(1_000 + second): Decimal(50),
        }

    def records(self) -> Iterator[str]:
        """Yield the records without their numbers: type and the rest."""
        first, second = self.writers
        yield (
            "NWR"
            + self.title.ljust(60)
            + "EN"
            + self.key.ljust(14)
            + iswc(self.number)
            + "00000000"
            + " " * 12
            + "POP000312Y"
            + " " * 6
            + "ORI"
        ).ljust(244)
        publisher = "P1".ljust(9)
        yield _publisher(publisher)
        yield "SPT" + publisher + " " * 6 + "025000500005000" + "I2136N001"
        for place, share in ((first, "02500"), (second, "05000")):
            number = f"W{place:07d}".ljust(9)
            suffix = "05000" if place == second else "00000"
            yield _writer(number, place, share, suffix)
            yield "SWT" + number + share + suffix + suffix + "I2136N001"
            if place == first:
                yield ("PWR" + publisher + "EXAMPLE MUSIC".ljust(45) + " " * 28 + number).ljust(94)
        yield "ALT" + f"LIED {self.number}".ljust(60) + "TTDE"
        yield "PER" + "THE FERRYMEN".ljust(45) + " " * 54
        yield (
            "REC20260301"
            + " " * 60
            + "000312"
            + " " * 5
            + f"ALBUM {self.number // 12}".ljust(60)
            + "HARBOUR LIGHTS".ljust(60)
            + f"HL{self.number // 12}".ljust(18)
            + ean(self.number // 12)
            + isrc(self.number)
            + "AD"
        ).ljust(250)


def _publisher(number: str) -> str:
    return (
        "SPU01"
        + number
        + "EXAMPLE MUSIC".ljust(45)
        + " E "
        + " " * 9
        + "00000471148"
        + " " * 14
        + "080025000800500008005000"
    ).ljust(167)


def _writer(number: str, place: int, performing: str, suffix: str) -> str:
    return (
        "SWR"
        + number
        + f"WRITER{place}".ljust(45)
        + "ANNA".ljust(30)
        + " CA"
        + " " * 9
        + ipi(1_000 + place)
        + f"080{performing}080{suffix}080{suffix}"
    ).ljust(164)


def cwr(works: int, *, first: int = 1) -> Iterator[bytes]:
    records, transactions = 1, 0
    yield _line(_HEADER.ljust(101))
    yield _line("GRHNWR0000102.100000000000  ")
    for number in range(first, first + works):
        for sequence, record in enumerate(MadeWork(number).records()):
            position = f"{transactions:08d}{sequence:08d}"
            yield _line(record[:3] + position + record[3:])
            records += 1
        transactions += 1
    yield _line(f"GRT00001{transactions:08d}{records + 1:08d}   0000000000")
    yield _line(f"TRL00001{transactions:08d}{records + 3:08d}")


def _line(text: str) -> bytes:
    return text.encode() + b"\r\n"
