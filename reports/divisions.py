"""Reads a file's division: its matches, unknown sound and what its scan reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from common.registry import Registry
from review.counting import Division, Occurs, divide
from review.models import Match
from review.selectors import time_of
from scanning.choices import ScanStatus
from scanning.models import Scan, ScannedFile
from scanning.selectors import current_scans

Reported = Sequence[Mapping[str, Any]]
"""The unmatched intervals of a scan. Any: JSON."""

unknown_sound: Registry[Callable[[Iterable[int]], Mapping[int, list[Occurs]]]] = (
    Registry()
)
"""Functions that return the unknown sound that repeats in files, by file."""


def division_of(file: ScannedFile, matches: Iterable[Match]) -> Division:
    """Divide a file; ``matches`` are its live ones, filled by ``with_segments``."""
    return divide_file(
        file,
        matches,
        items=occurrences_in([file.pk]).get(file.pk, ()),
        reported=reported_of(file),
    )


def divide_file(
    file: ScannedFile,
    matches: Iterable[Match],
    *,
    items: Iterable[Occurs],
    reported: Reported,
) -> Division:
    """Divide a file whose rows the caller has read."""
    times, places = [time_of(match) for match in matches], list(items)
    # The length of a file that ACRCloud scanned may be unknown, and ends are inexact.
    decoded_ms = max(
        [
            file.duration_ms,
            *(each.count.heard[-1][1] for each in times if each.count.heard),
            *(each.end_ms for each in places),
            *(each["end_ms"] for each in reported),
        ]
    )
    return divide(
        length_ms=decoded_ms + file.undecoded_ms,
        decoded_ms=decoded_ms,
        matches=times,
        items=places,
        reported=reported,
    )


def reported_of(file: ScannedFile) -> Reported:
    """Return the unmatched intervals of the file's current scans.

    While a scan runs or after it failed, those of the last successful scan count.
    """
    scans = current_scans(file)
    if not any(scan.status == ScanStatus.SUCCEEDED for scan in scans):
        done = Scan.objects.full().filter(
            scanned_file=file, status=ScanStatus.SUCCEEDED
        )
        scans = list(done.order_by("-pk")[:1])
    return reported_by(scans)


def reported_by(scans: Iterable[Scan]) -> Reported:
    """Return the unmatched intervals of the first scan that reports any."""
    return next((scan.unmatched for scan in scans if scan.unmatched), [])


def occurrences_in(files: Iterable[int]) -> Mapping[int, list[Occurs]]:
    """Return the unknown sound that repeats in each file, as packages above know it."""
    keys, found = list(files), defaultdict[int, list[Occurs]](list)
    for find in unknown_sound:
        for key, occurrences in find(keys).items():
            found[key].extend(occurrences)
    return found
