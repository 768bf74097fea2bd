"""The fixed-width records of CWR 2.1 and 2.2 (CISAC CWR19-1070R1).

Positions count from 1, as in the standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from plugins.rights.claims import ClaimFault
from plugins.rights.importing.faults import fault

TOLERANCE: Final = Decimal("0.06")
MOST_PCT: Final = 100 + TOLERANCE
_PREFIX = 19
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field: ``A`` text, ``N`` digits, ``D`` date, ``T`` time, ``S`` share.

    ``since`` is the version that introduced it. A value other than ``codes`` is a
    fault.
    """

    name: str
    start: int
    size: int
    kind: str = "A"
    is_required: bool = False
    codes: frozenset[str] = frozenset()
    since: str = "2.1"

    @property
    def end(self) -> int:
        """Return the position of its last character."""
        return self.start + self.size - 1


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """The length of a record in 2.1 and 2.2, and the fields that we read."""

    lengths: tuple[int, int]
    fields: tuple[RecordField, ...]

    def length(self, version: str) -> int:
        """Return the length in a version."""
        return self.lengths[version == "2.2"]


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


PUBLISHER_TYPES = _codes("E AM PA SE ES AQ")
WRITER_ROLES = _codes("CA A C AR AD SR SA TR PA")
TITLE_TYPES = _codes("AT TE FT IT TT PT RT ET OL AL")
CATEGORIES = _codes("JAZ POP SER UNC")
_F = RecordField
_PREFIX_FIELDS = (_F("transaction", 4, 8, "N", True), _F("record", 12, 8, "N", True))


def _detail(lengths: int | tuple[int, int], *fields: RecordField) -> RecordLayout:
    both = (lengths, lengths) if isinstance(lengths, int) else lengths
    return RecordLayout(both, (*_PREFIX_FIELDS, *fields))


def _publisher(*, is_ours: bool) -> RecordLayout:
    return _detail(
        183,
        _F("chain", 20, 2, "N"),
        _F("party", 22, 9, is_required=is_ours),
        _F("name", 31, 45, is_required=is_ours),
        _F("type", 77, 2, is_required=is_ours, codes=PUBLISHER_TYPES),
        _F("ipi_name", 88, 11),
        _F("agreement", 99, 14),
        _F("pr_society", 113, 3),
        _F("pr_share", 116, 5, "S"),
        _F("mr_society", 121, 3),
        _F("mr_share", 124, 5, "S"),
        _F("sr_society", 129, 3),
        _F("sr_share", 132, 5, "S"),
        _F("ipi_base", 140, 13),
        _F("agreement_type", 181, 2, codes=_codes("OS OG PS PG")),
    )


def _writer(*, is_ours: bool) -> RecordLayout:
    return _detail(
        180,
        _F("party", 20, 9, is_required=is_ours),
        _F("name", 29, 45, is_required=is_ours),
        _F("first_name", 74, 30),
        _F("unknown", 104, 1),
        _F("type", 105, 2, is_required=is_ours, codes=WRITER_ROLES),
        _F("ipi_name", 116, 11),
        _F("pr_society", 127, 3),
        _F("pr_share", 130, 5, "S"),
        _F("mr_society", 135, 3),
        _F("mr_share", 138, 5, "S"),
        _F("sr_society", 143, 3),
        _F("sr_share", 146, 5, "S"),
        _F("ipi_base", 155, 13),
    )


def _territory(length: int, shares: int, territory: int) -> RecordLayout:
    return _detail(
        length,
        _F("party", 20, 9, is_required=True),
        _F("pr_share", shares, 5, "S"),
        _F("mr_share", shares + 5, 5, "S"),
        _F("sr_share", shares + 10, 5, "S"),
        _F("inclusion", territory, 1, is_required=True, codes=_codes("I E")),
        _F("territory", territory + 1, 4, "N", True),
    )


_WORK = _detail(
    260,
    _F("title", 20, 60, is_required=True),
    _F("language", 80, 2),
    _F("work", 82, 14, is_required=True),
    _F("iswc", 96, 11),
    _F("copyright_date", 107, 8, "D"),
    _F("category", 127, 3, codes=CATEGORIES),
    _F("duration", 130, 6, "T"),
    _F("version", 143, 3, codes=_codes("ORI MOD")),
)
LAYOUTS: Final[dict[str, RecordLayout]] = {
    "HDR": RecordLayout(
        (101, 167),
        (
            _F("sender_type", 4, 2, is_required=True),
            _F("sender_id", 6, 9, is_required=True),
            _F("sender", 15, 45),
            _F("created", 65, 8, "D", True),
            _F("created_time", 73, 6, "T"),
            _F("version", 102, 3, since="2.2"),
        ),
    ),
    "GRH": RecordLayout(
        (28, 28),
        (
            _F("type", 4, 3, is_required=True),
            _F("group", 7, 5, "N", True),
            _F("version", 12, 5, is_required=True, codes=_codes("02.10 02.20")),
        ),
    ),
    "GRT": RecordLayout(
        (37, 37),
        (
            _F("group", 4, 5, "N", True),
            _F("transactions", 9, 8, "N", True),
            _F("records", 17, 8, "N", True),
        ),
    ),
    "TRL": RecordLayout(
        (24, 24),
        (
            _F("groups", 4, 5, "N", True),
            _F("transactions", 9, 8, "N", True),
            _F("records", 17, 8, "N", True),
        ),
    ),
    "NWR": _WORK,
    "REV": _WORK,
    "SPU": _publisher(is_ours=True),
    "OPU": _publisher(is_ours=False),
    "SPT": _territory(58, 35, 50),
    "OPT": _territory(58, 35, 50),
    "SWR": _writer(is_ours=True),
    "OWR": _writer(is_ours=False),
    "SWT": _territory(52, 29, 44),
    "OWT": _territory(52, 29, 44),
    "PWR": _detail(
        (110, 112),
        _F("party", 20, 9),
        _F("name", 29, 45),
        _F("agreement", 74, 14),
        _F("writer", 102, 9),
    ),
    "ALT": _detail(
        83,
        _F("title", 20, 60, is_required=True),
        _F("type", 80, 2, is_required=True, codes=TITLE_TYPES),
        _F("language", 82, 2),
    ),
    "PER": _detail(
        118,
        _F("name", 20, 45, is_required=True),
        _F("first_name", 65, 30),
        _F("ipi_name", 95, 11),
        _F("ipi_base", 106, 13),
    ),
    "REC": _detail(
        (266, 540),
        _F("released", 20, 8, "D"),
        _F("duration", 88, 6, "T"),
        _F("album", 99, 60),
        _F("label", 159, 60),
        _F("catalogue_number", 219, 18),
        _F("ean", 237, 13),
        _F("isrc", 250, 12),
        _F("title", 267, 60, since="2.2"),
        _F("version_title", 327, 60, since="2.2"),
        _F("artist", 387, 60, since="2.2"),
        _F("recording_label", 447, 60, since="2.2"),
        _F("isrc_validity", 507, 20, since="2.2"),
    ),
}


@dataclass(frozen=True, slots=True)
class CwrRecord:
    """A record with its values; empty ones are "", dates None and shares zero."""

    type: str
    line: int
    texts: dict[str, str]
    shares: dict[str, Decimal]
    dates: dict[str, date]

    def __getitem__(self, name: str) -> str:
        return self.texts.get(name, "")

    def number(self, name: str) -> int:
        """Return a field of digits; -1 if it has none."""
        text = self.texts.get(name, "")
        return int(text) if _DIGITS.fullmatch(text) else -1

    def position(self, name: str) -> str:
        """Return the type and the name of a field, as faults name it."""
        return f"{self.type} {name}"


def read_record(text: str, *, line: int, version: str) -> tuple[CwrRecord, list[ClaimFault]]:
    """Read one line of a type in ``LAYOUTS``; every fault of it is returned."""
    record, faults = _cut_record(text, line=line, version=version)
    if not faults or text.isascii():
        return record, faults
    # Programs that write UTF-8 pad fields either to characters or to bytes.
    in_bytes = text.encode().decode("latin-1")
    decoded_record, record_faults = _cut_record(in_bytes, line=line, version=version)
    if len(record_faults) >= len(faults):
        return record, faults
    texts = {name: _from_bytes(value) for name, value in decoded_record.texts.items()}
    decoded = [
        replace(problem, value=_from_bytes(problem.value), field=_from_bytes(problem.field))
        for problem in record_faults
    ]
    return replace(decoded_record, texts=texts), decoded


def _from_bytes(value: str) -> str:
    """Return a value whose characters stand for the bytes of UTF-8, perhaps cut short."""
    return value.encode("latin-1", "replace").decode("utf-8", "ignore")


def _cut_record(text: str, *, line: int, version: str) -> tuple[CwrRecord, list[ClaimFault]]:
    kind = text[:3]
    layout = LAYOUTS[kind]
    record = CwrRecord(kind, line, {}, {}, {})
    faults = list(_length_faults(record, text, layout.length(version)))
    for field in layout.fields:
        if field.since > version:
            continue
        raw = text[field.start - 1 : field.end]
        faults += _read_field(record, field, raw, is_cut=len(text) < field.end)
    if any(character < " " or character == "\x7f" for character in text):
        rule = _("A record must not contain control characters.")
        faults.append(fault(line, kind, text[:_PREFIX], rule))
    return record, faults


def _length_faults(record: CwrRecord, text: str, length: int) -> Iterator[ClaimFault]:
    if len(text) == length:
        return
    if len(text) < length or not text[length:].strip():
        # Programs that trim trailing blanks are common.
        rule = _("The record should have %(length)s characters.") % {"length": length}
        yield fault(record.line, record.type, str(len(text)), rule, is_warning=True)
        return
    rule = _("The record is longer than its %(length)s characters.") % {"length": length}
    yield fault(record.line, record.type, text[length:][:60], rule)


def _read_field(
    record: CwrRecord, field: RecordField, raw: str, *, is_cut: bool
) -> Iterator[ClaimFault]:
    value = raw.strip()
    rule = ""
    if not value or (field.kind in "DT" and not value.strip("0")):
        if field.kind in "DTS" or not field.is_required:
            if field.kind == "D" and field.is_required:
                rule = _("This field is required.")
        else:
            rule = (
                _("The record ends before this required field.")
                if is_cut
                else _("This field is required.")
            )
    elif is_cut and field.kind != "A":
        rule = _("The record ends inside this field.")
    else:
        rule = _keep(record, field, value)
    if rule:
        yield fault(record.line, record.position(field.name), value, rule)


def _keep(record: CwrRecord, field: RecordField, value: str) -> str:
    """Keep a value; return its fault."""
    if field.kind == "A":
        record.texts[field.name] = value
        if field.codes and value not in field.codes:
            return _("This must be one of: %(codes)s.") % {"codes": ", ".join(sorted(field.codes))}
        return ""
    if not _DIGITS.fullmatch(value):
        return _("This must be digits only.")
    if field.kind == "N":
        record.texts[field.name] = value
    elif field.kind == "S":
        record.shares[field.name] = share = Decimal(value) / 100
        if share > 100:
            return _("A share must be at most 100.00.")
    elif field.kind == "D":
        try:
            record.dates[field.name] = date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            return _("This must be a date as YYYYMMDD.")
    else:
        if len(value) != field.size or value[2:4] > "59" or value[4:] > "59":
            return _("This must be a time as HHMMSS.")
        record.texts[field.name] = value
    return ""


def milliseconds(clock: str) -> int | None:
    """Return a time as HHMMSS in milliseconds; None if it is empty."""
    if not clock:
        return None
    return (int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])) * 1000
