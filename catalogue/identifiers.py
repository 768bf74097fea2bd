"""Checks of the codes that identify recordings, releases and works.

ISRC: ISO 3901 (12 characters, no check digit). UPC and EAN: GS1 modulo 10. ISWC:
ISO 15707, modulo 10 over weighted digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from catalogue.models import CodeStatus

_ISRC = re.compile(r"^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$")
_ISWC_DIGITS = 10
# EAN-8, UPC-A and EAN-13.
_UPC_LENGTHS = (8, 12, 13)


class BadIdentifier(Exception):
    """A code's check digit or length is wrong; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class CheckedIsrc:
    """The normalised form of an ISRC, and the result of the check."""

    normalised: str
    status: CodeStatus


def check_isrc(given: str) -> CheckedIsrc:
    """Normalise an ISRC; a malformed one has no normalised form and matches nothing."""
    # Tables and PDFs put spaces and typographic dashes into ISRCs.
    bare = re.sub(r"[\s\-\u2010-\u2015]", "", given.upper()).removeprefix("ISRC")
    bare = bare.removeprefix(":")
    if not bare:
        return CheckedIsrc("", CodeStatus.MISSING)
    if not _ISRC.match(bare):
        return CheckedIsrc("", CodeStatus.MALFORMED)
    status = CodeStatus.VALID if bare == given else CodeStatus.CORRECTED
    return CheckedIsrc(bare, status)


def check_upc(given: str) -> str:
    """Return the digits of a UPC or EAN; raise ``BadIdentifier`` if they do not fit."""
    bare = re.sub(r"[\s\-]", "", given)
    if not bare:
        return ""
    if not bare.isascii() or not bare.isdigit() or len(bare) not in _UPC_LENGTHS:
        raise BadIdentifier(
            _("a UPC or EAN has 8, 12 or 13 digits, not '%(given)s'") % {"given": given}
        )
    weighted = sum(
        int(digit) * (3 if position % 2 == 0 else 1)
        for position, digit in enumerate(reversed(bare[:-1]))
    )
    expected = -weighted % 10
    if int(bare[-1]) != expected:
        raise BadIdentifier(
            _("the check digit of '%(given)s' should be %(expected)s")
            % {"given": given, "expected": expected}
        )
    return bare


def check_iswc(given: str) -> str:
    """Return an ISWC as T and 10 digits; raise ``BadIdentifier`` if it does not fit."""
    bare = re.sub(r"[\s.\-]", "", given.upper()).removeprefix("T")
    if not bare:
        return ""
    if not bare.isascii() or not bare.isdigit() or len(bare) != _ISWC_DIGITS:
        raise BadIdentifier(
            _("an ISWC is T and 10 digits, not '%(given)s'") % {"given": given}
        )
    weighted = 1 + sum(
        weight * int(digit) for weight, digit in enumerate(bare[:-1], start=1)
    )
    expected = -weighted % 10
    if int(bare[-1]) != expected:
        raise BadIdentifier(
            _("the check digit of '%(given)s' should be %(expected)s")
            % {"given": given, "expected": expected}
        )
    return f"T{bare}"
