"""Other plays of the sound of an interval in the same file, which a person may name too."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from typing import Final

from django.core.cache import cache
from django.core.files.storage import default_storage

from base.common.outages import outage_of
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint
from recognition.recurring.back import plays_again
from recognition.recurring.sounds import Sound
from reports.cue_questions import spoken_entries
from reports.cue_sheets import SCANNED
from review import intervals
from review.intervals import Interval
from review.timeline import Kind, Timeline, timeline
from scanning.models import ScannedFile

logger = logging.getLogger(__name__)

_UNKNOWN: Final = (Kind.ITEM, Kind.UNKNOWN)
_LEAST_MS: Final = 4_000
_LONGEST_MS: Final = 900_000
_KEPT_SECONDS: Final = 3_600


def other_plays(file: ScannedFile, interval: Interval) -> list[Interval]:
    """Return where the unknown sound of an interval is heard again in its file.

    Places of which somebody said something are left out. A file whose landmarks are not
    kept here has only the plays of repeated sound that are known.
    """
    if not _LEAST_MS <= interval[1] - interval[0] <= _LONGEST_MS:
        return []
    if file.status not in SCANNED:
        return []
    # Somebody may have named the interval before.
    line = timeline(file, with_entries=False)
    entered = [entry.interval for entry in spoken_entries().filter(scanned_file=file)]
    pieces = [(piece.start_ms, piece.end_ms) for piece in line.of(*_UNKNOWN)]
    unknown = intervals.without(pieces, entered)
    if _shared(interval, pieces) * 2 < interval[1] - interval[0]:
        return []
    plays = list(_of_item(line, interval, unknown))
    for play in _heard_again(file, interval, unknown):
        if not any(intervals.are_together([play], [heard]) for heard in plays):
            plays.append(play)
    return sorted(plays)


def _of_item(line: Timeline, interval: Interval, unknown: Iterable[Interval]) -> Iterable[Interval]:
    """Yield the other plays of repeated unknown sound that fills most of an interval."""
    items = [piece for piece in line.of(Kind.ITEM) if piece.item is not None]
    half = (interval[1] - interval[0]) / 2
    uids = {
        piece.item.uid
        for piece in items
        if piece.item and _shared(interval, [(piece.start_ms, piece.end_ms)]) >= half
    }
    unknown = list(unknown)
    for piece in items:
        place = (piece.start_ms, piece.end_ms)
        is_other = piece.item and piece.item.uid in uids and not _shared(interval, [place])
        if is_other and _shared(place, unknown) == piece.length_ms:
            yield place


def _heard_again(file: ScannedFile, interval: Interval, unknown: list[Interval]) -> list[Interval]:
    """Return the plays that a search of the file's unknown sound finds."""
    if not file.fingerprint:
        return []
    query = json.dumps([str(file.fingerprint), file.sha256, interval, unknown])
    key = f"plays-again:{hashlib.sha256(query.encode()).hexdigest()}"
    cached: list[Interval] | None = cache.get(key)
    if cached is not None:
        return cached
    try:
        with default_storage.open(str(file.fingerprint), "rb") as stored:
            made = fingerprint.from_bytes(stored.read())
        # Somebody may have named the interval before.
        plays = plays_again(Sound.of(0, made, [*unknown, interval]), interval)
    except (RecognitionError, OSError) as error:
        if outage_of(error) is None:
            logger.warning("%s has no sound to compare: %s", file, error)
        return []
    cache.set(key, plays, timeout=_KEPT_SECONDS)
    return plays


def _shared(interval: Interval, covering: Iterable[Interval]) -> int:
    """Return how much of an interval others cover."""
    return interval[1] - interval[0] - intervals.length(intervals.without([interval], covering))
