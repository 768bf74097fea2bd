"""What the review pages show of unknown sound and of streams."""

from __future__ import annotations

from monitoring.streams.audio import kept_intervals
from monitoring.unknown import selectors as recurring
from scanning.models import ScannedFile

__all__ = ["kept_intervals", "places_of"]


def places_of(item: str, most: int) -> list[tuple[ScannedFile, int, int]]:
    """Return the first places where an item of unknown sound occurs, with their times."""
    found = recurring.items_in_reach().filter(uid=item).first()
    if found is None:
        return []
    return [
        (each.file.scanned_file, each.start_ms, each.end_ms)
        for each in recurring.occurrences_of(found)[:most]
    ]
