"""Checks of the codes that identify recordings, releases, works and parties.

ISRC: ISO 3901 (12 characters, no check digit). UPC and EAN: GS1 modulo 10. ISWC:
ISO 15707, modulo 10 over weighted digits. IPI name number and base number: CISAC,
modulo 101 and the modulo 10 of the ISWC. ISNI: ISO 27729 with the modulo 11-2 of
ISO 7064. GRid: IFPI, and DPID: DDEX, with the modulo 37,36 of ISO 7064. Label codes
and the numbers of societies have no check digit.

Each check returns the code as it is stored, or "" for none, and raises
``BadIdentifier`` for a code that does not fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from catalogue.models import CodeStatus

# Tables and web pages put spaces, dashes and invisible characters into codes.
_PUNCTUATION = re.compile(r"[\s\-\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060\ufeff]")
_ISRC = re.compile(r"^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$")
_ISWC_DIGITS = 10
# EAN-8, UPC-A and EAN-13.
_UPC_LENGTHS = (8, 12, 13)
_SHORT_UPC = (10, 11)
_DIGITS_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# The leading zeros of an IPI name number are often left out.
_IPI_NAME = re.compile(r"[0-9]{9,11}")
_IPI_BASE = re.compile(r"[A-Z][0-9]{10}")
_ISNI = re.compile(r"[0-9]{15}[0-9X]")
_MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ISAN = re.compile(r"([0-9A-F]{16})([0-9A-Z])(?:([0-9A-F]{8})([0-9A-Z]))?")
_GRID = re.compile(r"A1[0-9A-Z]{16}")
_DPID = re.compile(r"PADPIDA[0-9A-Z]{11}")
_IPN = re.compile(r"[0-9]{1,8}")
_LABEL_CODE = re.compile(r"(?:LC)?([0-9]{4,6})")
_SOCIETY = re.compile(r"[0-9]{1,3}")


class BadIdentifier(Exception):
    """A code's check digit or length is wrong; the text says which one is expected."""


@dataclass(frozen=True, slots=True)
class CheckedIsrc:
    """The normalised form of an ISRC, and the result of the check."""

    normalised: str
    status: CodeStatus


def check_isrc(text: str) -> CheckedIsrc:
    """Normalise an ISRC; a malformed one has no normalised form and matches nothing."""
    bare = _PUNCTUATION.sub("", text.upper()).removeprefix("ISRC")
    bare = bare.removeprefix(":")
    if not bare:
        return CheckedIsrc("", CodeStatus.MISSING)
    if not _ISRC.match(bare):
        return CheckedIsrc("", CodeStatus.MALFORMED)
    status = CodeStatus.VALID if bare == text else CodeStatus.CORRECTED
    return CheckedIsrc(bare, status)


def check_upc(text: str) -> str:
    """Return the digits of a UPC or EAN."""
    bare = _bare(text)
    if not bare:
        return ""
    is_number = bare.isascii() and bare.isdigit()
    # Spreadsheets drop the zeros at the beginning of a UPC.
    if is_number and len(bare) in _SHORT_UPC and bare[-1] == _check_of_upc(bare):
        return bare.zfill(12)
    if not is_number or len(bare) not in _UPC_LENGTHS:
        raise BadIdentifier(
            _("a UPC or EAN has 8, 12 or 13 digits, not '%(given)s'") % {"given": text}
        )
    return _ending(bare, _check_of_upc(bare), text)


def _check_of_upc(digits: str) -> str:
    """Return the check digit that the other digits need; leading zeros do not count."""
    weighted = sum(
        int(digit) * (3 if position % 2 == 0 else 1)
        for position, digit in enumerate(reversed(digits[:-1]))
    )
    return str(-weighted % 10)


def check_iswc(text: str) -> str:
    """Return an ISWC as T and 10 digits."""
    bare = _bare(text).removeprefix("T")
    if not bare:
        return ""
    if not bare.isascii() or not bare.isdigit() or len(bare) != _ISWC_DIGITS:
        raise BadIdentifier(
            _("an ISWC is T followed by 10 digits, not '%(given)s'") % {"given": text}
        )
    return "T" + _ending(bare, _weighted_10(bare[:-1], 1), text)


def check_ipi_name(text: str) -> str:
    """Return an IPI name number as 11 digits, the last two of which check the others."""
    bare = _bare(text)
    # Fields of fixed width are filled with zeros.
    if not bare.strip("0"):
        return ""
    if not _IPI_NAME.fullmatch(bare):
        raise BadIdentifier(
            _("an IPI name number has 11 digits, not '%(given)s'") % {"given": text}
        )
    bare = bare.zfill(11)
    weighted = sum(
        weight * int(digit) for weight, digit in zip(range(10, 1, -1), bare[:9], strict=True)
    )
    return _ending(bare, f"{-weighted % 101 % 100:02}", text)


def check_ipi_base(text: str) -> str:
    """Return an IPI base number as I-123456789-3."""
    bare = _bare(text)
    if not bare:
        return ""
    if not _IPI_BASE.fullmatch(bare):
        raise BadIdentifier(
            _("an IPI base number looks like I-123456789-3, not '%(given)s'") % {"given": text}
        )
    _ending(bare, _weighted_10(bare[1:-1], 2), text)
    return f"{bare[0]}-{bare[1:10]}-{bare[10]}"


def check_isni(text: str) -> str:
    """Return an ISNI as 15 digits and a digit or X."""
    bare = _bare(text).removeprefix("ISNI").removeprefix(":")
    if not bare:
        return ""
    if not _ISNI.fullmatch(bare):
        raise BadIdentifier(
            _("an ISNI has 16 digits, of which the last may be X, not '%(given)s'")
            % {"given": text}
        )
    total = 0
    for digit in bare[:-1]:
        total = 2 * (total + int(digit))
    check = (12 - total % 11) % 11
    return _ending(bare, "X" if check == 10 else str(check), text)


def check_mbid(text: str) -> str:
    """Return an id of MusicBrainz, a UUID, in small letters."""
    bare = text.strip().lower()
    if bare and not _MBID.fullmatch(bare):
        raise BadIdentifier(
            _("an MBID looks like 5b11f4ce-a62d-471e-81fc-a69a8278c7da, not '%(given)s'")
            % {"given": text}
        )
    return bare


def check_grid(text: str) -> str:
    """Return a GRid as 18 characters."""
    bare = _bare(text).removeprefix("GRID").removeprefix(":")
    if not bare:
        return ""
    if not _GRID.fullmatch(bare):
        raise BadIdentifier(
            _("a GRid is A1 followed by 16 characters, not '%(given)s'") % {"given": text}
        )
    return _ending(bare, _mod_37_36(bare[:-1]), text)


def check_isan(text: str) -> str:
    """Return an ISAN in groups of four, with its check characters.

    The number of a version follows that of the work, each with its own character, of
    ISO 7064 modulo 37,36 (ISO 15706).
    """
    bare = _bare(text).removeprefix("ISAN").removeprefix(":")
    if not bare:
        return ""
    match = _ISAN.fullmatch(bare)
    if match is None:
        raise BadIdentifier(
            _(
                "an ISAN has 16 characters 0-9 and A-F and a check character, such "
                "as 0000-0000-D07A-0090-Q, not '%(given)s'"
            )
            % {"given": text}
        )
    work, check, version, check_of_version = match.groups(default="")
    _ending(work + check, _mod_37_36(work), text)
    if version:
        _ending(version + check_of_version, _mod_37_36(work + version), text)
    digits = work + version
    groups = [digits[place : place + 4] for place in range(0, len(digits), 4)]
    return "-".join([*groups[:4], check, *groups[4:], *check_of_version])


def check_dpid(text: str) -> str:
    """Return a DPID as 18 characters.

    Some published DPIDs fail the check, so imports warn where others refuse.
    """
    bare = bare_dpid(text)
    if not bare:
        return ""
    if not _DPID.fullmatch(bare):
        raise BadIdentifier(
            _("a DPID is PADPIDA followed by 11 characters, not '%(given)s'") % {"given": text}
        )
    return _ending(bare, _mod_37_36(bare[:-1]), text)


def bare_dpid(text: str) -> str:
    """Return a DPID in capitals without hyphens, unchecked."""
    return _bare(text)


def check_ipn(text: str) -> str:
    """Return an international performer number; how it is checked is not public."""
    bare = _bare(text)
    if bare and not _IPN.fullmatch(bare):
        raise BadIdentifier(_("an IPN has at most 8 digits, not '%(given)s'") % {"given": text})
    return bare


def check_label_code(text: str) -> str:
    """Return a label code as LC and its digits, at least five."""
    bare = _bare(text)
    if not bare:
        return ""
    match = _LABEL_CODE.fullmatch(bare)
    if match is None:
        raise BadIdentifier(
            _("a label code is LC followed by 4 to 6 digits, not '%(given)s'") % {"given": text}
        )
    return f"LC{match[1].zfill(5)}"


def check_society(text: str) -> str:
    """Return the number of a society as three digits."""
    bare = _bare(text)
    if not bare.strip("0"):
        return ""
    if not _SOCIETY.fullmatch(bare):
        raise BadIdentifier(_("a society number has 3 digits, not '%(given)s'") % {"given": text})
    return bare.zfill(3)


def _bare(text: str) -> str:
    return _PUNCTUATION.sub("", text.upper()).replace(".", "")


def _ending(bare: str, expected: str, text: str) -> str:
    """Return a code that ends as expected."""
    if not bare.endswith(expected):
        raise BadIdentifier(
            _("the check digit of '%(given)s' should be %(expected)s")
            % {"given": text, "expected": expected}
        )
    return bare


def _weighted_10(digits: str, start: int) -> str:
    """Return the modulo 10 digit that ISWC and IPI base numbers share."""
    weighted = start + sum(weight * int(digit) for weight, digit in enumerate(digits, start=1))
    return str(-weighted % 10)


def _mod_37_36(text: str) -> str:
    """Return the check character of ISO 7064 modulo 37,36."""
    remainder = 36
    for character in text:
        remainder = (remainder + int(character, 36)) % 36 or 36
        remainder = remainder * 2 % 37
    return _DIGITS_36[(37 - remainder) % 36]
