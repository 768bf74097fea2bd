"""Finds the same match in copies of its file, such as one upload encoded several times.

Copies are files as long as each other in which scans found the same recordings at the
same times; their bytes may differ.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from review.choices import MatchState
from review.filters import in_kept_files
from review.models import Match
from review.models.match import Waits

# Encoders add and cut fractions of a second, by which short clips differ anyway.
_SAME_MS: Final = 1_500
_SAME_SHARE: Final = 0.05
_MOST: Final = 200


def waiting_copies(match: Match) -> list[Match]:
    """Return the waiting matches of the recording in copies of the match's file."""
    length, start = match.scanned_file.length_ms, match.first_start_ms
    if not length or start is None:
        return []
    within = min(_SAME_MS, round(_SAME_SHARE * length))
    near = Match.objects.filter(
        in_kept_files(),
        Waits(),
        recording=match.recording_id,
        first_start_ms__range=(start - within, start + within),
        scanned_file__length_ms__range=(length - within, length + within),
    ).exclude(scanned_file=match.scanned_file_id)
    rows = list(near.select_related("scanned_file").order_by("pk")[:_MOST])
    if not rows:
        return []
    starts_by_file = _starts_in([match.scanned_file_id, *(row.scanned_file_id for row in rows)])
    own = starts_by_file[match.scanned_file_id]
    return [row for row in rows if _is_same(own, starts_by_file[row.scanned_file_id], within)]


def _starts_in(files: Collection[int]) -> dict[int, dict[int, int]]:
    """Return where the recordings begin in each file, by recording."""
    starts_by_file: dict[int, dict[int, int]] = {file: {} for file in files}
    live = Match.objects.filter(scanned_file__in=files).exclude(state=MatchState.SUPPRESSED)
    for file, recording, start in live.values_list("scanned_file", "recording", "first_start_ms"):
        starts_by_file[file][recording] = start
    return starts_by_file


def _is_same(starts: dict[int, int], copy_starts: dict[int, int], within: int) -> bool:
    return starts.keys() == copy_starts.keys() and all(
        abs(start - copy_starts[recording]) <= within for recording, start in starts.items()
    )
