"""Refuses passwords that stand in lists of stolen ones, and endless ones.

``breached_passwords.bin`` holds the first five bytes of the SHA-256 of each, sorted.
``python -m accounts.passwords LIST`` makes it anew from a list with one password a line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

SHORTEST, LONGEST = 12, 128
_FILE = Path(__file__).with_name("breached_passwords.bin")
# 44,000 of 2^40 values: one in 25 million other passwords is refused by mistake.
_BYTES = 5


class BreachedPasswordValidator:
    """Refuses passwords that attackers try because many people have used them."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ``ValidationError`` if the password is in the list, in any case."""
        if _contains_digest(_digest(password), _digests()):
            raise ValidationError(
                _("This password is in lists of stolen passwords. Choose another one."),
                code="password_breached",
            )

    def get_help_text(self) -> str:
        """Return the rule as the form of a new password shows it."""
        return _("Your password can’t be in lists of stolen passwords.")


class LongestPasswordValidator:
    """Refuses passwords whose hashing would only cost time (ASVS 2.1.2)."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ``ValidationError`` if the password is too long."""
        if len(password) > LONGEST:
            raise ValidationError(
                _("This password has more than %(most)s characters.") % {"most": LONGEST},
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        """Return the rule as the form of a new password shows it."""
        return _("Your password can have at most %(most)s characters.") % {"most": LONGEST}


def list_of(passwords: Iterable[str]) -> bytes:
    """Return the file's content for these passwords; shorter ones are refused anyway."""
    long_ones = (password.strip("\n") for password in passwords)
    return b"".join(
        sorted({_digest(password) for password in long_ones if len(password) >= SHORTEST})
    )


def _digest(password: str) -> bytes:
    # Capitals are what people change first to get a refused password accepted.
    content = password.lower().strip().encode("utf-8", "surrogatepass")
    return sha256(content).digest()[:_BYTES]


@cache
def _digests() -> bytes:
    return _FILE.read_bytes()


def _contains_digest(digest: bytes, digests: bytes) -> bool:
    low, high = 0, len(digests) // _BYTES
    while low < high:
        middle = (low + high) // 2
        if digests[middle * _BYTES : (middle + 1) * _BYTES] < digest:
            low = middle + 1
        else:
            high = middle
    return digests[low * _BYTES : (low + 1) * _BYTES] == digest


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as source:
        _FILE.write_bytes(list_of(source))
