"""What the review pages show of unknown sound and of streams."""

from __future__ import annotations

from monitoring.streams.audio import kept_intervals
from monitoring.unknown import selectors as recurring
from scanning.models import ScannedFile

__all__ = ["kept_intervals", "places_of"]


def places_of(
    item: str, file: ScannedFile, span: tuple[int, int], most: int
) -> list[tuple[ScannedFile, int, int]]:
    """Return the first other places, with their times, of the part of an item of unknown
    sound that a span of a file holds.
    """
    found = recurring.items_in_reach().filter(uid=item).first()
    if found is None:
        return []
    every = recurring.occurrences_of(found)
    start, end = span
    here = every.filter(
        file__scanned_file=file, start_ms__lt=end, end_ms__gt=start
    ).first()
    if here is None:
        return []
    # Of music that something interrupts, each part occurs alone.
    alike = every.exclude(pk=here.pk).filter(
        item_start_ms__lt=here.item_end_ms, item_end_ms__gt=here.item_start_ms
    )
    return [
        (each.file.scanned_file, each.start_ms, each.end_ms) for each in alike[:most]
    ]
