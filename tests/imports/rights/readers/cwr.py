"""Reads CWR 2.1 and 2.2 by the table of its fields, and checks every rule."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from tests.imports.rights.readers.claims import (
    SeenMessage,
    SeenRecording,
    SeenShare,
    SeenWork,
)
from tests.imports.rights.readers.territories import WORLD, area, unknown
from tests.monitoring.declarations.readers.common import (
    ReaderFault,
    decoded,
    is_tis,
    is_valid,
    split_lines,
)

LENGTHS = {
    "HDR": (101, 167),
    "GRH": (28, 28),
    "NWR": (260, 260),
    "REV": (260, 260),
    "SPU": (183, 183),
    "OPU": (183, 183),
    "SPT": (58, 58),
    "OPT": (58, 58),
    "SWR": (180, 180),
    "OWR": (180, 180),
    "SWT": (52, 52),
    "OWT": (52, 52),
    "PWR": (110, 112),
    "ALT": (83, 83),
    "PER": (118, 118),
    "REC": (266, 540),
    "GRT": (37, 37),
    "TRL": (24, 24),
}
"""Lengths in 2.1 and 2.2; other records are counted and skipped."""
RIGHTS = ("PR", "MR", "SR")
PUBLISHERS = {"E", "AM", "PA", "SE", "ES", "AQ"}
WRITERS = {"CA", "A", "C", "AR", "AD", "SR", "SA", "TR", "PA"}
TITLES = {"AT", "TE", "FT", "IT", "OT", "TT", "PT", "RT", "ET", "OL", "AL"}
TOLERANCE = Decimal("0.06")


class Line:
    """A record whose fields are cut out by position, counted from 1."""

    def __init__(self, number: int, text: str, length: int, notes: list[str]) -> None:
        if len(text) > length:
            raise ReaderFault(number, "length", str(len(text)), f"is over {length}")
        if len(text) < length:
            notes.append(f"line {number}: {len(text)} instead of {length} characters")
        self.number = number
        self.kind = text[:3]
        self._text = text

    def fault(self, name: str, value: str, why: str) -> ReaderFault:
        """Return the fault of a field."""
        return ReaderFault(self.number, f"{self.kind} {name}", value, why)

    def cut(self, name: str, start: int, size: int) -> str:
        """Return a field without the blanks after it."""
        value = self._text[start - 1 : start - 1 + size]
        if value and len(value) < size:
            raise self.fault(name, value, "is cut off")
        return value.rstrip()

    def need(self, name: str, start: int, size: int) -> str:
        """Return a mandatory field."""
        value = self.cut(name, start, size)
        if not value:
            raise self.fault(name, value, "is mandatory")
        return value

    def number_at(self, name: str, start: int, size: int) -> int:
        """Return a number; blanks are zero."""
        value = self.cut(name, start, size)
        if value and not re.fullmatch(rf"\d{{{size}}}", value, re.ASCII):
            raise self.fault(name, value, f"has not {size} digits")
        return int(value or 0)

    def one_of(self, name: str, start: int, size: int, values: Iterable[str]) -> str:
        """Return a field, empty or of a set."""
        value = self.cut(name, start, size)
        if value and value not in values:
            raise self.fault(name, value, "is not known")
        return value

    def when(self, name: str, start: int, form: str) -> None:
        """Check a date or time, whose zeros are empty."""
        size = 8 if form == "%Y%m%d" else 6
        value = self.cut(name, start, size)
        if not value.strip("0"):
            return
        try:
            datetime.strptime(value, form)  # noqa: DTZ007 - only checked
        except ValueError as error:
            raise self.fault(name, value, f"is no {form}") from error

    def checked(self, name: str, start: int, size: int, kind: str) -> str:
        """Return an identifier, empty (blanks or zeros) or valid."""
        value = self.cut(name, start, size)
        if not value.strip("0 "):
            return ""
        if not is_valid(kind, value.strip()):
            raise self.fault(name, value, f"is no valid {kind}")
        return value.strip()

    def duration_ms(self, name: str, start: int) -> int | None:
        """Return a length ``HHMMSS`` in ms; zeros are empty."""
        self.number_at(name, start, 6)
        value = self.cut(name, start, 6)
        if not value.strip("0"):
            return None
        hours, minutes, seconds = int(value[:2]), int(value[2:4]), int(value[4:])
        if minutes > 59 or seconds > 59:
            raise self.fault(name, value, "is no HHMMSS")
        return ((hours * 60 + minutes) * 60 + seconds) * 1000


def parse(data: bytes, name: str) -> SeenMessage:
    """Return the works of a file, or raise the first fault."""
    found = re.fullmatch(r"CW\d{2}\d{4}\w{3}_\w{3}\.V(21|22)", name, re.IGNORECASE)
    if found is None:
        raise ReaderFault(0, "name", name, "is no CWyynnnnsss_rrr.V21 or .V22")
    return _Reader(2 if found[1] == "22" else 1).read(
        split_lines(decoded(data, "ascii"), "\r\n")
    )


class _Reader:
    """Reads one file; ``minor`` is 1 for 2.1 and 2 for 2.2."""

    def __init__(self, minor: int) -> None:
        self.minor = minor
        self.message = SeenMessage(sender="", version=f"2.{minor}")
        self.parties: dict[str, tuple[str, str, str]] = {}
        self.group = 0
        self.group_type = ""
        self.group_first = 0
        self.transaction = -1
        self.record = -1
        self.transactions = 0
        self.closed = True
        self.first_line: dict[int, int] = {}

    def read(self, lines: list[str]) -> SeenMessage:
        if not lines or not lines[0].startswith("HDR"):
            raise ReaderFault(1, "HDR", lines[0] if lines else "", "is missing")
        if not lines[-1].startswith("TRL"):
            raise ReaderFault(len(lines), "TRL", lines[-1], "is missing")
        for number, text in enumerate(lines, start=1):
            kind = text[:3]
            if text != text.upper():
                raise ReaderFault(number, "letters", text, "has small letters")
            if kind not in LENGTHS:
                self.count_up(number, text)
                self.message.skipped[kind] = self.message.skipped.get(kind, 0) + 1
                continue
            length = LENGTHS[kind][self.minor - 1]
            line = Line(number, text, length, self.message.warnings)
            self.take(line, text, len(lines))
        return self.message

    def take(self, line: Line, text: str, lines: int) -> None:
        if line.kind == "HDR":
            self.header(line)
        elif line.kind == "GRH":
            self.begin_group(line)
        elif line.kind == "GRT":
            self.finish()
            self.end_group(line)
        elif line.kind == "TRL":
            self.trailer(line, lines)
        else:
            self.count_up(line.number, text)
            getattr(self, f"take_{line.kind.lower()}")(line)

    # The frame ------------------------------------------------------------------

    def header(self, line: Line) -> None:
        if line.number != 1:
            raise line.fault("place", "", "is not first")
        line.need("sender type", 4, 2)
        line.need("sender id", 6, 9)
        self.message.sender = line.need("sender name", 15, 45)
        line.one_of("EDI version", 60, 5, ("01.10",))
        line.when("created", 65, "%Y%m%d")
        line.when("created", 73, "%H%M%S")
        line.when("sent", 79, "%Y%m%d")

    def begin_group(self, line: Line) -> None:
        if not self.closed:
            raise line.fault("place", "", "is within a group")
        self.group += 1
        self.group_type = line.need("type", 4, 3)
        if line.number_at("group", 7, 5) != self.group:
            raise line.fault("group", line.cut("group", 7, 5), f"is not {self.group}")
        line.one_of("version", 12, 5, (f"02.{self.minor}0",))
        self.closed = False
        self.group_first = line.number
        self.transaction = self.record = -1

    def end_group(self, line: Line) -> None:
        counts = {
            ("group", 4, 5): self.group,
            ("transactions", 9, 8): self.transaction + 1,
            ("records", 17, 8): line.number - self.group_first + 1,
        }
        self.compare(line, counts)
        self.transactions += self.transaction + 1
        self.closed = True

    def trailer(self, line: Line, lines: int) -> None:
        if not self.closed:
            raise line.fault("place", "", "is within a group")
        counts = {
            ("groups", 4, 5): self.group,
            ("transactions", 9, 8): self.transactions,
            ("records", 17, 8): lines,
        }
        self.compare(line, counts)

    @staticmethod
    def compare(line: Line, counts: dict[tuple[str, int, int], int]) -> None:
        for (name, start, size), wanted in counts.items():
            if line.number_at(name, start, size) != wanted:
                said = line.cut(name, start, size)
                raise line.fault(name, said, f"is not {wanted}")

    def count_up(self, number: int, text: str) -> None:
        """Check the two numbers that each record of a transaction begins with."""
        kind, numbers = text[:3], text[3:19]
        if self.closed:
            raise ReaderFault(number, kind, "", "is outside of a group")
        if not re.fullmatch(r"\d{16}", numbers, re.ASCII):
            raise ReaderFault(number, f"{kind} numbers", numbers, "are not 16 digits")
        if kind == self.group_type:
            self.finish()
            self.transaction += 1
            self.record = -1
        self.record += 1
        if int(numbers[:8]) != self.transaction:
            raise ReaderFault(
                number, f"{kind} transaction", numbers[:8], f"is not {self.transaction}"
            )
        if int(numbers[8:]) != self.record:
            raise ReaderFault(
                number, f"{kind} record", numbers[8:], f"is not {self.record}"
            )

    # Records of a work ------------------------------------------------------------

    @property
    def work(self) -> SeenWork:
        return self.message.works[-1]

    def take_nwr(self, line: Line) -> None:
        self.parties = {}
        self.message.works.append(
            SeenWork(
                number=line.need("submitter work", 82, 14),
                title=line.need("title", 20, 60),
                iswc=line.checked("ISWC", 96, 11, "ISWC"),
                category=line.one_of("category", 127, 3, ("JAZ", "POP", "SER", "UNC")),
                version=line.one_of("version", 143, 3, ("ORI", "MOD")),
            )
        )
        self.first_line[len(self.message.works)] = line.number
        line.when("copyright", 107, "%Y%m%d")
        line.duration_ms("duration", 130)
        line.one_of("recorded", 136, 1, "YNU")

    take_rev = take_nwr

    def take_spu(self, line: Line) -> None:
        line.number_at("chain", 20, 2)
        role = line.one_of("role", 77, 2, PUBLISHERS)
        ipi = line.checked("IPI", 88, 11, "IPI")
        line.checked("IPI base", 140, 13, "IPI base")
        line.one_of("agreement", 181, 2, ("OS", "OG", "PS", "PG"))
        name = line.cut("name", 31, 45)
        if line.kind == "SPU":
            name, role = line.need("name", 31, 45), line.need("role", 77, 2)
        self.own(line, line.cut("party", 22, 9), name, role, ipi, 113)

    take_opu = take_spu

    def take_swr(self, line: Line) -> None:
        role = line.one_of("role", 105, 2, WRITERS)
        ipi = line.checked("IPI", 116, 11, "IPI")
        line.checked("IPI base", 155, 13, "IPI base")
        line.one_of("unknown", 104, 1, "YN")
        last, first = line.cut("last name", 29, 45), line.cut("first name", 74, 30)
        if line.kind == "SWR":
            last, role = line.need("last name", 29, 45), line.need("role", 105, 2)
        party = line.cut("party", 20, 9)
        self.own(line, party, f"{first} {last}".strip(), role, ipi, 127)

    take_owr = take_swr

    def own(
        self, line: Line, party: str, name: str, role: str, ipi: str, start: int
    ) -> None:
        """Take the three owned shares, each after its society."""
        self.parties[party] = (name, role, ipi)
        for place, right in enumerate(RIGHTS):
            at = start + 8 * place
            society = line.cut(f"{right} society", at, 3).strip()
            if society and not re.fullmatch(r"\d{1,3}", society, re.ASCII):
                raise line.fault(f"{right} society", society, "is no number")
            percent = self.percent(line, right, at + 3)
            if percent:
                self.work.shares.append(
                    SeenShare(name, role, right, "OWN", percent, ipi=ipi)
                )

    @staticmethod
    def percent(line: Line, right: str, start: int) -> Decimal:
        percent = Decimal(line.number_at(f"{right} share", start, 5)) / 100
        if percent > 100:
            raise line.fault(f"{right} share", str(percent), "is over 100")
        return percent

    def take_spt(self, line: Line) -> None:
        self.collect(line, 35, 50)

    take_opt = take_spt

    def take_swt(self, line: Line) -> None:
        self.collect(line, 29, 44)

    take_owt = take_swt

    def collect(self, line: Line, shares: int, sign: int) -> None:
        """Take the collected shares of a territory, or take a territory off them."""
        party = line.need("party", 20, 9)
        if party not in self.parties:
            raise line.fault("party", party, "is not in the transaction")
        name, role, ipi = self.parties[party]
        territory = line.need("TIS", sign + 1, 4)
        if not is_tis(territory):
            raise line.fault("TIS", territory, "is no territory")
        line.number_at("sequence", sign + 6, 3)
        line.one_of("shares change", sign + 5, 1, "YN")
        mine = [
            place
            for place, share in enumerate(self.work.shares)
            if (share.kind, share.party, share.ipi) == ("COL", name, ipi)
        ]
        if line.one_of("I/E", sign, 1, "IE") == "E":
            if not mine:
                raise line.fault("I/E", "E", "takes off from nothing")
            self.take_off(mine, territory)
            return
        for place, right in enumerate(RIGHTS):
            percent = self.percent(line, right, shares + 5 * place)
            if percent:
                self.work.shares.append(
                    SeenShare(name, role, right, "COL", percent, (territory,), (), ipi)
                )

    def take_off(self, mine: list[int], territory: str) -> None:
        """Take a territory off the shares of the ``I`` before it."""
        last = self.work.shares[mine[-1]].included
        of_last = takewhile(
            lambda place: self.work.shares[place].included == last, reversed(mine)
        )
        for place in of_last:
            self.work.shares[place] = self.work.shares[place].without(territory)

    def take_pwr(self, line: Line) -> None:
        publisher = line.cut("publisher", 29, 45)
        writer = line.cut("writer", 102, 9)
        if writer and writer not in self.parties:
            raise line.fault("writer", writer, "is not in the transaction")
        if writer:
            self.work.publisher_of[self.parties[writer][0]] = publisher

    def take_alt(self, line: Line) -> None:
        kind = line.need("type", 80, 2)
        line.one_of("type", 80, 2, TITLES)
        if kind in ("OL", "AL"):
            line.need("language", 82, 2)
        self.work.titles.append((line.need("title", 20, 60), kind))

    def take_per(self, line: Line) -> None:
        first = line.cut("first name", 65, 30)
        self.work.performers.append(f"{first} {line.need('name', 20, 45)}".strip())
        line.checked("IPI", 95, 11, "IPI")
        line.checked("IPI base", 106, 13, "IPI base")

    def take_rec(self, line: Line) -> None:
        line.when("released", 20, "%Y%m%d")
        line.one_of("A V", 262, 1, "AV")
        recording = SeenRecording(
            isrc=line.checked("ISRC", 250, 12, "ISRC"),
            title=self.work.title,
            duration_ms=line.duration_ms("duration", 88),
            label=line.cut("label", 159, 60),
            upc=line.checked("EAN", 237, 13, "UPC"),
        )
        if self.minor == 2:
            recording.title = line.cut("title", 267, 60) or recording.title
            recording.version_title = line.cut("version", 327, 60)
            recording.label = line.cut("label", 447, 60) or recording.label
            line.one_of("validity", 507, 20, "YUN")
        self.work.recordings.append(recording)

    # Sums -------------------------------------------------------------------------

    def finish(self) -> None:
        """Check the sums of the work that ends."""
        if not self.message.works:
            return
        number = self.first_line[len(self.message.works)]
        for right in RIGHTS:
            owned = [
                share
                for share in self.work.shares
                if share.right == right and share.kind == "OWN"
            ]
            check_owned(number, right, owned)
            for group in check_collected(number, right, self.work.shares):
                note = f"line {number}: {right} is not summed in {group}"
                self.message.warnings.append(note)


def _sum(shares: Iterable[SeenShare]) -> Decimal:
    return sum((share.percent or Decimal(0) for share in shares), Decimal(0))


def check_owned(number: int, right: str, owned: list[SeenShare]) -> None:
    """Check the owned shares of a right."""
    whole = _sum(owned)
    # A participant in income may be either; who is a writer has a writer's role.
    publishers = _sum(share for share in owned if share.role not in WRITERS)
    writers = _sum(share for share in owned if share.role in WRITERS)
    most = Decimal(50) if right == "PR" else Decimal(100)
    if whole and abs(whole - 100) > TOLERANCE:
        raise ReaderFault(number, f"{right} sum", str(whole), "is neither 0 nor 100")
    if publishers > most + TOLERANCE:
        raise ReaderFault(number, f"{right} publishers", str(publishers), "is too much")
    if right == "PR" and writers and writers < 50 - TOLERANCE:
        raise ReaderFault(number, "PR writers", str(writers), "is too little")


def check_collected(number: int, right: str, shares: list[SeenShare]) -> list[str]:
    """Check the sum in each country; return the groups that could not be summed."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    collected = [each for each in shares if (each.right, each.kind) == (right, "COL")]
    unsure = {
        each: unknown([*each.included, *each.excluded]) for each in set(collected)
    }
    for each in collected:
        # Where it is unclear what is taken off, nothing counts.
        if not unknown(each.excluded):
            for country in area(each.included, each.excluded):
                sums[country] += each.percent or Decimal(0)
        # Groups that cannot be told are places of their own.
        for code in {code for codes in unsure.values() for code in codes}:
            if code not in each.excluded and {code, WORLD} & {*each.included}:
                sums[code] += each.percent or Decimal(0)
    for territory, total in sorted(sums.items()):
        if total > 100 + TOLERANCE:
            raise ReaderFault(
                number, f"{right} collected", str(total), f"is over 100 in {territory}"
            )
    return sorted({code for codes in unsure.values() for code in codes})
