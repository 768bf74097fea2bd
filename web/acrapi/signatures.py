"""Signatures of identification calls, and the samples that they were used for.

A signature covers the key and a time, not the sample, and SDKs sign local time: whoever
reads one call could identify with its signature for ever. So a signature belongs to the
sample that it first came with, for as long as it is remembered.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from django.core.cache import caches
from django.core.files.base import File
from django.db import DatabaseError

from base.common.last_use import not_waiting
from base.common.storage import sha256_of

logger = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(days=7)
# Several clients with one key sign the same text if they send whole seconds; their
# clocks differ.
SHARED: Final = timedelta(minutes=5)
_SECONDS_DIGITS: Final = 10


def is_of_other_sample(
    *, access_key: str, signature: str, timestamp: str, sample: File[bytes]
) -> bool:
    """Remember the sample of a valid signature; tell whether it was another one's.

    The same sample may come again, because clients retry.
    """
    now, digest = datetime.now(tz=UTC), sha256_of(sample)
    key = hashlib.sha256(f"{access_key}\n{signature}".encode()).hexdigest()
    seen = caches["signatures"]
    try:
        # A busy database must not delay an answer; the signature is then forgotten.
        with not_waiting():
            if seen.add(key, (digest, now), REMEMBERED.total_seconds()):
                return False
    except DatabaseError:
        logger.warning("a signature is not remembered: the database is busy")
    first = seen.get(key)
    if first is None or first[0] == digest:
        return False
    return not (_is_whole_second(timestamp) and now - first[1] < SHARED)


def _is_whole_second(timestamp: str) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _SECONDS_DIGITS
