"""What independent readers of formats share: faults, cells, identifiers, territories.

Written from the specification of the formats alone, without code of the product: what
the writers and these readers agree on, two people have understood alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation


class ReaderFault(Exception):
    """A file breaks a rule; ``line`` counts from 1 and is 0 for the file or its name."""

    def __init__(self, line: int, field: str, value: str, why: str) -> None:
        super().__init__(f"line {line}, {field}: {value[:80]!r} {why}")
        self.line = line
        self.field = field
        self.value = value
        self.why = why


class RecordCells:
    """The cells of one line by name; every check names line, cell and value."""

    def __init__(self, line: int, names: Sequence[str], values: Sequence[str]) -> None:
        if len(names) != len(values):
            raise ReaderFault(line, "cells", str(len(values)), f"is no count of {len(names)}")
        self.line = line
        self._values = dict(zip(names, values, strict=True))

    def fault(self, name: str, why: str) -> ReaderFault:
        return ReaderFault(self.line, name, self._values[name], why)

    def text(self, name: str) -> str:
        return self._values[name]

    def need(self, *names: str) -> None:
        for name in names:
            if not self._values[name].strip():
                raise self.fault(name, "is mandatory")

    def one_of(self, name: str, values: Sequence[str]) -> str:
        value = self._values[name]
        if value and value not in values:
            raise self.fault(name, f"is none of {', '.join(values)}")
        return value

    def matching(self, name: str, pattern: str, meaning: str) -> str:
        """Return a cell, empty or of this form."""
        value = self._values[name]
        if value and not re.fullmatch(pattern, value, re.ASCII):
            raise self.fault(name, f"is no {meaning}")
        return value

    def count(self, name: str) -> int | None:
        value = self.matching(name, r"\d+", "whole number")
        return int(value) if value else None

    def number(self, name: str) -> Decimal | None:
        value = self.matching(name, r"-?\d+(\.\d+)?", "decimal number")
        try:
            return Decimal(value) if value else None
        except InvalidOperation as error:  # pragma: no cover - the form is checked
            raise self.fault(name, "is no decimal number") from error

    def moment(self, name: str, form: str) -> datetime | None:
        """Return a date or time of a ``strptime`` form, which it fills exactly."""
        value = self._values[name]
        if not value:
            return None
        try:
            moment = datetime.strptime(value, form)  # noqa: DTZ007 - %z is in the form
        except ValueError as error:
            raise self.fault(name, f"is no time of the form {form}") from error
        if "%z" not in form and moment.strftime(form) != value:
            raise self.fault(name, f"is no time of the form {form}")
        return moment

    def day(self, name: str, form: str) -> date | None:
        moment = self.moment(name, form)
        return moment.date() if moment else None

    def clock_ms(self, name: str) -> int | None:
        """Return a length written as ``hh:mm:ss``, in ms."""
        value = self.matching(name, r"\d\d:[0-5]\d:[0-5]\d", "length hh:mm:ss")
        if not value:
            return None
        hours, minutes, seconds = map(int, value.split(":"))
        return ((hours * 60 + minutes) * 60 + seconds) * 1000

    def checked(self, name: str, kind: str) -> str:
        value = self._values[name]
        if value and not is_valid(kind, value):
            raise self.fault(name, f"is no valid {kind}")
        return value


def decoded(data: bytes, encoding: str) -> str:
    """Return text without a byte order mark; the fault names the line of bad bytes."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        bad = data[error.start : error.end].hex()
        raise ReaderFault(line, "encoding", bad, f"is no {encoding}") from error
    if text.startswith("\ufeff"):
        raise ReaderFault(1, "encoding", "\ufeff", "is a byte order mark")
    return text


def split_lines(text: str, end: str) -> list[str]:
    """Return the lines; all of them, the last too, end the same way."""
    if text and not text.endswith(end):
        last = text.rstrip("\r\n").count("\n") + 1
        raise ReaderFault(last, "line end", text[-10:], f"does not end in {end!r}")
    lines = text.split(end)[:-1]
    for number, line in enumerate(lines, start=1):
        if match := re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line):
            raise ReaderFault(number, "character", match.group(), "is a control sign")
    return lines


def folded_name(text: str) -> str:
    """Return a name for comparing it with the name of a file: letters and digits."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


# Identifiers -------------------------------------------------------------------------


def is_valid(kind: str, value: str) -> bool:
    """Return whether an identifier has its form and its check digit."""
    form, check = _IDENTIFIERS[kind]
    return bool(re.fullmatch(form, value, re.ASCII)) and check(value)


def _always(_value: str) -> bool:
    return True


def _iswc(value: str) -> bool:
    return _weighted(value[1:10], 1) == int(value[10])


def _ipi_base(value: str) -> bool:
    return _weighted(value[2:11], 2) == int(value[12])


def _weighted(digits: str, first: int) -> int:
    total = first
    for place, digit in enumerate(digits, start=1):
        total += place * int(digit)
    return -total % 10


def _ipi_name(value: str) -> bool:
    remainder = sum(int(value[at]) * (10 - at) for at in range(9)) % 101
    check_digit = 0 if remainder == 0 else (101 - remainder) % 100
    return int(value[9:]) == check_digit


def _isni(value: str) -> bool:
    total = 0
    for digit in value[:15]:
        total = 2 * (total + int(digit))
    return "0123456789X"[(12 - total % 11) % 11] == value[15]


def _mod_37_36(value: str) -> bool:
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    start = 36
    for sign in value[:-1]:
        start = (start + signs.index(sign)) % 36 or 36
        start = 2 * start % 37
    return signs[(37 - start) % 36] == value[-1]


def _mod_10(value: str) -> bool:
    total = sum(int(digit) * (1 if at % 2 == 0 else 3) for at, digit in enumerate(reversed(value)))
    return total % 10 == 0


_IDENTIFIERS = {
    "ISRC": (r"[A-Z]{2}[A-Z0-9]{3}\d{7}", _always),
    "ISWC": (r"T\d{10}", _iswc),
    "IPI": (r"\d{11}", _ipi_name),
    "IPI base": (r"I-\d{9}-\d", _ipi_base),
    "ISNI": (r"\d{15}[\dX]", _isni),
    "GRid": (r"A1[A-Z0-9]{16}", _mod_37_36),
    "DPID": (r"PADPIDA[A-Z0-9]{11}", _mod_37_36),
    "UPC": (r"\d{12,13}", _mod_10),
    "society": (r"\d{3}", _always),
    "label code": (r"LC\d{4,6}", _always),
}


# Territories -------------------------------------------------------------------------

_COUNTRIES = """
AF004 AL008 DZ012 AS016 AD020 AO024 AI660 AQ010 AG028 AR032 AM051 AW533 AU036 AT040 AZ031
BS044 BH048 BD050 BB052 BY112 BE056 BZ084 BJ204 BM060 BT064 BO068 BQ535 BA070 BW072
BV074 BR076 IO086 BN096 BG100 BF854 BI108 CV132 KH116 CM120 CA124 KY136 CF140 TD148
CL152 CN156 CX162 CC166 CO170 KM174 CG178 CD180 CK184 CR188 CI384 HR191 CU192 CW531
CY196 CZ203 DK208 DJ262 DM212 DO214 EC218 EG818 SV222 GQ226 ER232 EE233 SZ748 ET231
FK238 FO234 FJ242 FI246 FR250 GF254 PF258 TF260 GA266 GM270 GE268 DE276 GH288 GI292
GR300 GL304 GD308 GP312 GU316 GT320 GG831 GN324 GW624 GY328 HT332 HM334 VA336 HN340
HK344 HU348 IS352 IN356 ID360 IR364 IQ368 IE372 IM833 IL376 IT380 JM388 JP392 JE832
JO400 KZ398 KE404 KI296 KP408 KR410 KW414 KG417 LA418 LV428 LB422 LS426 LR430 LY434
LI438 LT440 LU442 MO446 MG450 MW454 MY458 MV462 ML466 MT470 MH584 MQ474 MR478 MU480
YT175 MX484 FM583 MD498 MC492 MN496 ME499 MS500 MA504 MZ508 MM104 NA516 NR520 NP524
NL528 NC540 NZ554 NI558 NE562 NG566 NU570 NF574 MK807 MP580 NO578 OM512 PK586 PW585
PS275 PA591 PG598 PY600 PE604 PH608 PN612 PL616 PT620 PR630 QA634 RE638 RO642 RU643
RW646 BL652 SH654 KN659 LC662 MF663 PM666 VC670 WS882 SM674 ST678 SA682 SN686 RS688
SC690 SL694 SG702 SX534 SK703 SI705 SB090 SO706 ZA710 GS239 SS728 ES724 LK144 SD729
SR740 SJ744 SE752 CH756 SY760 TW158 TJ762 TZ834 TH764 TL626 TG768 TK772 TO776 TT780
TN788 TR792 TM795 TC796 TV798 UG800 UA804 AE784 GB826 US840 UM581 UY858 UZ860 VU548
VE862 VN704 VG092 VI850 WF876 EH732 YE887 ZM894 ZW716 AX248
"""
ISO_COUNTRIES = {part[:2]: part[2:] for part in _COUNTRIES.split()}
"""Numbers of countries by their two letters."""
_TIS = frozenset(
    [f"0{number}" for number in ISO_COUNTRIES.values()]
    + [str(group) for group in range(2100, 2135)]
    + ["2136"]
)


def is_tis(value: str) -> bool:
    """Return whether a text is a TIS code of a country or group, with four digits."""
    return value in _TIS


def is_territory(value: str) -> bool:
    """Return whether DDEX knows a territory: ISO, TIS or Worldwide."""
    return value == "Worldwide" or value in ISO_COUNTRIES or is_tis(value.zfill(4))
