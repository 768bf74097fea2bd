"""The timeline of a file: what is heard in each of its seconds.

Every page, report, document, list and sum that states seconds or shares of a file reads
them here, so that no two of them differ. ``pieces`` divides a file, ``reading`` reads
what is in it for the viewer, and ``figures`` stores the sums for lists.
"""

from __future__ import annotations

from review.timeline.division import Entered, Heard, Kind, Occurs, Piece, Timeline, share
from review.timeline.reading import places_of_item, timeline, timelines

__all__ = [
    "Entered",
    "Heard",
    "Kind",
    "Occurs",
    "Piece",
    "Timeline",
    "places_of_item",
    "share",
    "timeline",
    "timelines",
]
