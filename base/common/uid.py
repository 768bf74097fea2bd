"""Public identifiers: opaque, unique, and sorted by creation time."""

from __future__ import annotations

import secrets
import time
from functools import lru_cache, partial

from django.db import models

# Crockford's base 32 has no I, L, O or U, so people can read identifiers aloud.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_CHARS = 10
_RANDOM_CHARS = 10


def _encode(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


# Many rows of a bulk write share their millisecond.
_encode_time = lru_cache(maxsize=4)(partial(_encode, length=_TIME_CHARS))


def new_uid(prefix: str) -> str:
    """Return ``prefix`` and 20 characters: 50 bits of milliseconds, 50 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random_part = secrets.randbits(5 * _RANDOM_CHARS)
    return f"{prefix}_{_encode_time(milliseconds)}{_encode(random_part, _RANDOM_CHARS)}"


def uid_field(prefix: str) -> models.CharField[str, str]:
    """Return the column with a model's public identifiers."""
    return models.CharField(
        max_length=32, unique=True, default=partial(new_uid, prefix), editable=False
    )
